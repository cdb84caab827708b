/** Local mode: a model of the catalogue comes from the BaseModels beside the job, or from a folder of them. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ResolvedJob } from '@attune/crds/instruction-tuning-job.ts'
import type { StageSpec } from '@attune/crds/resolved-spec.ts'
import type { CatalogueEntry } from '@attune/crds/selection/catalogue.ts'
import { resolveModel } from '@attune/crds/selection/resolve-model.ts'
import { stageSpec } from '@attune/crds/stage-spec.ts'
import { validateManifest } from '@attune/crds/validate.ts'
import { CliError, causeOf } from './cli-error.ts'
import { readManifestText } from './manifest-text.ts'
import { formatManifestErrors } from './view/manifest-errors.ts'

const MAX_FILES = 1000

/** Objects of other kinds may stand in the same folder. */
const modelsOf = async (file: string): Promise<readonly CatalogueEntry[]> => {
  const text = await readManifestText(file)
  const { baseModels, errors } = validateManifest(text, { mode: 'local' })
  const own = errors.filter(({ reason }) => reason !== 'UnknownKind')
  if (own.length > 0) throw new CliError(formatManifestErrors(file, text, own).trimEnd())
  return baseModels
}

/** @returns the BaseModels in the YAML and JSON files of a folder */
export const readCatalogue = async (folder: string): Promise<readonly CatalogueEntry[]> => {
  const names = await readdir(folder).catch(cause => {
    throw new CliError(`--catalogue ${folder}: cannot be read (${causeOf(cause)})`, 1, { cause })
  })
  const files = names.filter(name => /\.(ya?ml|json)$/.test(name)).sort()
  if (files.length > MAX_FILES)
    throw new CliError(
      `--catalogue ${folder}: ${files.length} files; at most ${MAX_FILES} are read`,
    )
  const found: CatalogueEntry[] = []
  for (const name of files) found.push(...(await modelsOf(join(folder, name))))
  return found
}

/** A job whose model has a source, as the stages read it. */
export type StageReadyJob = Omit<ResolvedJob, 'spec'> & { readonly spec: StageSpec }
type WithModel = { readonly job: StageReadyJob; readonly baseModel?: string }

/** @param catalogue every BaseModel there is; the job was checked against it */
export const withModel = (job: ResolvedJob, catalogue: readonly CatalogueEntry[]): WithModel => {
  const model = resolveModel(job.spec.model, catalogue)
  if (!model) return { job: { ...job, spec: stageSpec(job.spec) } }
  if (model.kind === 'unresolved') throw new CliError(`spec.model: ${model.message}`)
  const { baseModel, source } = model
  return { job: { ...job, spec: { ...job.spec, model: { source } } }, baseModel }
}
