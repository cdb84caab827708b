/** A run as a cluster tells of it: its job's status, and the job file that its stages read. */
import type { RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import type { InstructionTuningJob } from '@attune/operator/job/kinds.ts'
import { CliError } from '../cli-error.ts'
import type { PublishedRun, Source } from './read-run.ts'

/** The spec of a run's job file, where it is still there. */
export type SpecOfRun = (run: number) => object | undefined

const runIn = ({ metadata, status }: InstructionTuningJob, number: number): RunStatus => {
  const runs = status?.runs ?? []
  const found = runs.find(run => run.number === number)
  if (found) return found
  const known = runs.map(run => `run-${run.number}`).join(', ') || 'none'
  throw new CliError(
    `${metadata.name}: run-${number} is not in status.runs (there: ${known}); runHistoryLimit says how many are kept`,
  )
}

/** The run whose job file speaks for a run that took over everything from it. */
export const donorOf = (run: RunStatus): number =>
  run.stages.every(({ state }) => state === 'Skipped')
    ? (run.stages.at(-1)?.fromRun ?? run.number)
    : run.number

/** Runs whose job files tell of that run. */
export const filesOf = (job: InstructionTuningJob, number: number): readonly number[] => [
  ...new Set([number, donorOf(runIn(job, number))]),
]

const specIn = (job: InstructionTuningJob, run: RunStatus, specOf: SpecOfRun): object => {
  const { metadata, spec, status } = job
  const isCurrent = status?.run === run.number && status.observedGeneration === metadata.generation
  const found = specOf(run.number) ?? specOf(donorOf(run)) ?? (isCurrent ? spec : undefined)
  if (found) return found
  throw new CliError(
    `${metadata.name}: the spec of run-${run.number} is not known any more: its ConfigMap ${metadata.name}-${donorOf(run)} is gone, with that run's place in the history or because somebody deleted it`,
  )
}

const sourceOf = ({ model }: RunStatus, spec: object): Source => {
  const { source } = (spec as { model?: { source?: Source } }).model ?? {}
  return { uri: model?.source.uri ?? source?.uri ?? '-' }
}

const dataOf = ({ content, stages }: RunStatus): readonly Source[] => {
  if (content)
    return [{ uri: `InstructionDataset ${content.dataset}`, digest: content.contentHash }]
  const { digest } = stages.find(({ name }) => name === 'prepare') ?? {}
  return [{ uri: 'what Prepare made of it', ...(digest === undefined ? {} : { digest }) }]
}

const numbers = (from: object): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(from).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  )

/** Slices are left out: status keeps those of the current run only. */
export const runOfStatus = (
  job: InstructionTuningJob,
  number: number,
  specOf: SpecOfRun,
): PublishedRun => {
  const run = runIn(job, number)
  const { evaluation, phase, reason } = run
  if (!evaluation) {
    const how = run.finishedAt === undefined ? `is ${phase}` : `ended as ${reason ?? phase}`
    throw new CliError(`run-${number} ${how}, without an evaluation: there is nothing to compare`)
  }
  const spec = specIn(job, run, specOf)
  return {
    name: `run-${number}`,
    job: `${job.metadata.namespace}/${job.metadata.name}`,
    specHash: run.specHash,
    spec,
    baseModel: sourceOf(run, spec),
    data: dataOf(run),
    madeBy: {},
    publishedAt: run.finishedAt ?? '',
    score: evaluation.score,
    evaluation: evaluation.suites,
    slices: {},
    training: numbers(run.training ?? {}),
  }
}
