/** Finds the one job in a manifest, and the catalogue that it may take its model from. */
import type { ResolvedJob } from '@attune/crds/instruction-tuning-job.ts'
import type { CatalogueEntry } from '@attune/crds/selection/catalogue.ts'
import { type ManifestError, validateManifest } from '@attune/crds/validate.ts'
import { CliError } from './cli-error.ts'
import { withDataset } from './dataset-of-job.ts'
import { readManifestText } from './manifest-text.ts'
import { formatManifestErrors } from './view/manifest-errors.ts'

export type Manifest = {
  readonly job: ResolvedJob
  /** BaseModels beside it and further ones */
  readonly catalogue: readonly CatalogueEntry[]
}

/** Of a job, and of the trials of an experiment. */
const IN_CATALOGUE = /^spec\.(template\.)?model\.(ref|selector)$|^spec\.parameters\[/

/** What a person can do who has no cluster with a catalogue at hand. */
export const catalogueHint = (errors: readonly ManifestError[]): string =>
  errors.some(({ path, message }) => IN_CATALOGUE.test(path) && message.includes('BaseModel'))
    ? 'BaseModels are taken from the same file, and from a folder: --catalogue FOLDER\n'
    : ''

/**
 * The job of a file as `attune run` takes it: valid, and the only one.
 * @param further BaseModels; absent where the model does not matter
 */
export const readManifest = async (
  file: string,
  further?: readonly CatalogueEntry[],
): Promise<Manifest> => {
  const text = await readManifestText(file)
  const checked = validateManifest(text, {
    mode: 'local',
    ...(further ? { catalogue: further } : {}),
  })
  const { job, jobs, errors, baseModels, datasets } = checked
  if (errors.length > 0)
    throw new CliError(
      `${formatManifestErrors(file, text, errors)}${catalogueHint(errors)}`.trimEnd(),
    )
  if (!job)
    throw new CliError(
      `${file}: holds no InstructionTuningJob (but ${checked.names.join(', ')}); experiments and policies work on a cluster`,
    )
  if (jobs.length > 1) {
    const names = jobs.map(found => found.metadata.name).join(', ')
    throw new CliError(`${file}: holds ${jobs.length} jobs (${names}); put each in its own file`)
  }
  return { job: withDataset(job, datasets, file), catalogue: [...baseModels, ...(further ?? [])] }
}

export const readJob = async (file: string): Promise<ResolvedJob> => (await readManifest(file)).job
