/** Whether a model can be published in the formats that the job asks for, asked before it is trained. */
import { outputFormats } from '@attune/crds/output-formats.ts'
import type { StageSpec } from '@attune/crds/resolved-spec.ts'
import type { OutputFormat } from '@attune/crds/spec/output.ts'
import type { ModelConfig } from '../model/config.ts'
import { readTokenizerFiles } from '../model/tokenizer-files.ts'
import { invalidSpec } from '../stage-error.ts'
import { findModelFiles } from '../weights/model-files.ts'
import { ggufProblem } from './gguf/gguf-problem.ts'
import { tokenizerProblem } from './gguf/gguf-tokenizer.ts'
import { configProblem } from './merged/config-from-gguf.ts'

const folderProblem = async (config: ModelConfig, modelFolder: string) =>
  (await findModelFiles(modelFolder)).format === 'gguf' ? configProblem(config) : undefined

const problemOf = async (
  format: OutputFormat,
  config: ModelConfig,
  modelFolder: string,
): Promise<string | undefined> => {
  switch (format) {
    case 'Adapter':
    case 'ONNX':
      return undefined
    case 'Merged':
      return folderProblem(config, modelFolder)
    case 'GGUF':
      return ggufProblem(config) ?? ggufTokenizerProblem(config, modelFolder)
  }
}

const ggufTokenizerProblem = async ({ vocabSize }: ModelConfig, modelFolder: string) =>
  (await findModelFiles(modelFolder)).format === 'gguf'
    ? undefined
    : tokenizerProblem(await readTokenizerFiles(modelFolder), vocabSize)

/** @throws StageError that names the format and why it cannot be written */
export const checkFormats = async (
  spec: StageSpec,
  config: ModelConfig,
  modelFolder: string,
): Promise<void> => {
  for (const format of outputFormats(spec)) {
    const problem = await problemOf(format, config, modelFolder)
    if (problem !== undefined)
      throw invalidSpec(
        `output.formats: ${format} cannot be written of this model: ${problem}; take it out of output.formats`,
      )
  }
}
