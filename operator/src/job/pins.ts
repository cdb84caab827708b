/** What the runs of an experiment's trials keep of each other: trials are compared on the same data and the same model. */
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import type { RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import { GROUP } from '@attune/crds/api-group.ts'
import { EXPERIMENT_KIND } from '@attune/crds/tuning-experiment.ts'
import { controllerOf } from '../kube/kube-object.ts'
import { controllerKeys } from '../kube/predicates.ts'
import type { InstructionTuningJob } from './kinds.ts'
import { isFinished } from './run.ts'

/** What a reference of the spec stood for when the first run that has it started. */
export type Pins = Pick<RunStatus, 'content' | 'model'>

/** Key of the experiment that a job is a trial of. */
export const experimentKeys = controllerKeys({ group: GROUP, kind: EXPERIMENT_KIND })

/** UID of the experiment that a job is a trial of. */
export const experimentOf = (job: InstructionTuningJob): string | undefined =>
  experimentKeys(job).length > 0 ? controllerOf(job)?.uid : undefined

/** Its current run has references and may still have to look them up. */
export const wantsPins = ({ spec, status }: InstructionTuningJob): boolean => {
  const run = status?.runs?.at(-1)
  const refers = spec && (spec.model.ref ?? spec.model.selector ?? spec.dataset.ref)
  return refers !== undefined && run !== undefined && !isFinished(run)
}

/** Of the current run only what others may have taken over from it. */
const runsFor = (job: InstructionTuningJob, other: InstructionTuningJob): readonly RunStatus[] => {
  const runs = other.status?.runs ?? []
  return other.metadata.uid === job.metadata.uid ? runs.slice(0, -1) : runs
}

/** @param trials all of the experiment, the job among them */
export const pinsOf = (
  job: InstructionTuningJob,
  trials: readonly InstructionTuningJob[],
): Pins | undefined => {
  const { model, dataset } = job.spec ?? {}
  if (!model || !dataset) return undefined
  // its own first: a rung goes on from where the one before it was
  const others = [job, ...trials.filter(({ metadata }) => metadata.uid !== job.metadata.uid)]
  const wanted = canonicalJson(model)
  const found = (runs: readonly RunStatus[]) => runs.findLast(run => run.model !== undefined)?.model
  const pinned = others
    .filter(({ spec }) => spec !== undefined && canonicalJson(spec.model) === wanted)
    .map(other => found(runsFor(job, other)))
    .find(each => each !== undefined)
  const content = others
    .flatMap(other => runsFor(job, other).findLast(run => run.content !== undefined) ?? [])
    .map(run => run.content)
    .find(each => each?.dataset === dataset.ref?.name)
  if (!pinned && !content) return undefined
  return { ...(pinned && !model.source ? { model: pinned } : {}), ...(content ? { content } : {}) }
}
