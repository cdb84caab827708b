/** What is published of the tuned model: a folder for each of `output.formats`. */
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ggufTypeOf, outputFormats } from '@attune/crds/output-formats.ts'
import type { StageSpec } from '@attune/crds/resolved-spec.ts'
import type { OutputFormat } from '@attune/crds/spec/output.ts'
import type { ModelConfig } from '../model/config.ts'
import { quantizationOf, roundedWeights } from '../model/quantization.ts'
import { readModelConfig } from '../model/read-config.ts'
import { createTokenizer } from '../model/tokenizer.ts'
import { readTokenizerFiles } from '../model/tokenizer-files.ts'
import { openWeights } from '../weights/open-weights.ts'
import { readTextFile } from '../weights/read-json.ts'
import { type GgufAbout, ggufModel } from './gguf/gguf-model.ts'
import { mergedModel } from './merged/merged-model.ts'
import { onnxModel } from './onnx/onnx-model.ts'
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS } from './peft-adapter.ts'
import type { FolderWriter, PublishedModel } from './published-model.ts'
import { openTuned } from './trained-model.ts'
import { type Watch, watchedWeights } from './watched-weights.ts'

export const FORMAT_FOLDERS: Readonly<Record<OutputFormat, string>> = {
  Adapter: 'adapter',
  Merged: 'merged',
  ONNX: 'onnx',
  GGUF: 'gguf',
}

/** Left by Prepare where the data was not rendered by the model's own template. */
export const TEMPLATE_FILE = 'chat_template.jinja'
const MAX_TEMPLATE_BYTES = 1024 * 1024

export type FormatsSource = {
  readonly spec: StageSpec
  /** output folders of Prepare and Train */
  readonly prepare: string
  readonly train: string
  readonly about: GgufAbout
  readonly watch: Watch
}

const copiedAdapter = (trainFolder: string): FolderWriter => {
  const files = [ADAPTER_WEIGHTS, ADAPTER_CONFIG]
  return {
    files,
    write: async folder => {
      for (const name of files)
        await copyFile(join(trainFolder, 'adapter', name), join(folder, name))
    },
  }
}

const openModel = async ({ spec, prepare, train, watch }: FormatsSource) => {
  const modelFolder = join(prepare, 'model')
  const config = await readModelConfig(modelFolder)
  const tokenizer = await readTokenizerFiles(modelFolder)
  const template = await readTextFile(join(prepare, TEMPLATE_FILE), MAX_TEMPLATE_BYTES)
  const base = await openWeights(modelFolder)
  // what was evaluated: an adapter makes up for the rounding that it was trained with
  const rounded = roundedWeights(base, config, quantizationOf(spec.method))
  const weights = watchedWeights(await openTuned(rounded, train), watch)
  const eos = createTokenizer(tokenizer).eosTokenIds
  return {
    modelFolder,
    config,
    weights,
    tokenizer,
    chatTemplate: template ?? tokenizer.chatTemplate,
    eosTokenIds: [...new Set([...config.eosTokenIds, ...eos])],
  }
}

const writerOf = (
  format: Exclude<OutputFormat, 'Adapter'>,
  model: PublishedModel,
  { spec, about }: FormatsSource,
): Promise<FolderWriter> => {
  switch (format) {
    case 'Merged':
      return mergedModel(model)
    case 'ONNX':
      return onnxModel(model)
    case 'GGUF':
      return ggufModel(model, ggufTypeOf(spec), about)
  }
}

export type OpenFormats = {
  readonly writers: ReadonlyMap<OutputFormat, FolderWriter>
  /** of the base, where it was opened */
  readonly config?: ModelConfig
  close(): Promise<void>
}

/** The base is read only where more than the adapter is asked for. */
export const openFormats = async (source: FormatsSource): Promise<OpenFormats> => {
  const formats = outputFormats(source.spec)
  const writers = new Map<OutputFormat, FolderWriter>()
  if (formats.includes('Adapter')) writers.set('Adapter', copiedAdapter(source.train))
  const further = formats.filter(format => format !== 'Adapter')
  if (further.length === 0) return { writers, close: async () => {} }
  const model = await openModel(source)
  try {
    for (const format of further) writers.set(format, await writerOf(format, model, source))
    return { writers, config: model.config, close: () => model.weights.close() }
  } catch (error) {
    await model.weights.close()
    throw error
  }
}
