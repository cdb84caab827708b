/** Whether the files of this machine that a manifest names are there, before anything runs. */
import { dirname, resolve } from 'node:path'
import { API_VERSION } from '@attune/crds/api-group.ts'
import { DATASET_KIND } from '@attune/crds/instruction-dataset.ts'
import { KIND } from '@attune/crds/instruction-tuning-job.ts'
import { type ManifestDocument, readManifestText } from '@attune/crds/manifest-text.ts'
import { type FieldPath, formatPath, isRecord } from '@attune/crds/schema-node.ts'
import type { ManifestError } from '@attune/crds/validate.ts'
import { resolveLocal } from '@attune/trainer/source/local-files.ts'
import { parseSource } from '@attune/trainer/source/parse-uri.ts'
import { StageError } from '@attune/trainer/stage-error.ts'
import { CliError } from './cli-error.ts'
import { checkOutput } from './workspace/check-output.ts'

type Named = { readonly path: FieldPath; readonly uri: string }

const at = (value: unknown, path: FieldPath): unknown =>
  path.reduce<unknown>(
    (found, step) =>
      isRecord(found) || Array.isArray(found)
        ? (found as Readonly<Record<string | number, unknown>>)[step]
        : undefined,
    value,
  )

const listed = (value: unknown, path: FieldPath): readonly Named[] => {
  const list = at(value, path)
  return Array.isArray(list) ? list.flatMap((_, i) => named(value, [...path, i, 'uri'])) : []
}

const named = (value: unknown, path: FieldPath): readonly Named[] => {
  const uri = at(value, path)
  return typeof uri === 'string' && uri.startsWith('file://') ? [{ path, uri }] : []
}

/** What is read; an InstructionDataset has its sources at the top. */
const sourcesOf = (value: unknown, kind: unknown): readonly Named[] => {
  const data: FieldPath = kind === DATASET_KIND ? ['spec'] : ['spec', 'dataset']
  return [
    ...named(value, ['spec', 'model', 'source', 'uri']),
    ...named(value, ['spec', 'method', 'lora', 'startFrom', 'uri']),
    ...listed(value, [...data, 'sources']),
    ...listed(value, [...data, 'validation', 'sources']),
  ]
}

const problemOf = async (check: () => Promise<unknown>): Promise<string | undefined> => {
  try {
    await check()
    return undefined
  } catch (error) {
    if (error instanceof StageError) return `${error.reason}: ${error.message}`
    if (error instanceof CliError) return error.message
    throw error
  }
}

const sourceProblem = (uri: string, fileRoot: string) =>
  problemOf(async () => {
    const source = parseSource(uri)
    if (source.kind === 'file') await resolveLocal(uri, source, { fileRoot, pvcRoot: fileRoot })
  })

const outputProblem = (uri: string, fileRoot: string) =>
  problemOf(async () => {
    const output = parseSource(uri)
    if (output.kind === 'file') await checkOutput(uri, resolve(fileRoot, output.path))
  })

const inDocument = async (
  { value, locate }: ManifestDocument,
  fileRoot: string,
): Promise<readonly ManifestError[]> => {
  if (!isRecord(value) || value['apiVersion'] !== API_VERSION) return []
  const { kind } = value
  if (kind !== KIND && kind !== DATASET_KIND) return []
  const errors: ManifestError[] = []
  const add = ({ path }: Named, message: string | undefined) => {
    if (message === undefined) return
    const reason = 'FieldValueInvalid'
    errors.push({ path: formatPath(path), ...locate(path, 'value'), message, reason })
  }
  for (const source of sourcesOf(value, kind))
    add(source, await sourceProblem(source.uri, fileRoot))
  for (const output of named(value, ['spec', 'output', 'uri']))
    add(output, await outputProblem(output.uri, fileRoot))
  return errors
}

/**
 * As the stages of `attune run` look for them, and as it asks whether results can be written.
 * @param text a valid manifest @param file `-` is standard input, whose paths begin in the current folder
 */
export const localFileErrors = async (
  text: string,
  file: string,
): Promise<readonly ManifestError[]> => {
  const fileRoot = file === '-' ? process.cwd() : dirname(resolve(file))
  const errors: ManifestError[] = []
  for (const document of readManifestText(text).documents)
    errors.push(...(await inDocument(document, fileRoot)))
  return errors
}
