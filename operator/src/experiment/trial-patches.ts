/** What the experiment changes of a trial's job once it is there. */
import type { ExperimentSpec } from './kinds.ts'
import { STOPPED_ANNOTATION } from './names.ts'
import { rungsOf } from '@attune/crds/experiment/rungs.ts'
import type { Patch } from './situation.ts'
import { hasEnded, type MadeTrial, stoppedBecause } from './trial.ts'
import { publishesAt } from '@attune/crds/experiment/trial-spec.ts'

type Body = Patch['body']

const patch = ({ job: { metadata } }: MadeTrial, { metadata: more = {}, ...body }: Body): Patch => {
  const { name, namespace, uid = '' } = metadata
  const fields = more as object
  return {
    ref: { name, ...(namespace ? { namespace } : {}) },
    uid,
    body: { ...body, ...(Object.keys(fields).length > 0 ? { metadata: fields } : {}) },
  }
}

/** Goes on from the checkpoint of the rung before; null removes a field. */
export const promotion = (trial: MadeTrial, spec: ExperimentSpec): Patch => {
  const rung = trial.rung + 1
  return patch(trial, {
    spec: {
      suspend: false,
      training: { stopAfterSteps: rungsOf(spec)[rung] ?? null },
      ...(publishesAt(spec, rung) ? { output: { publish: null } } : {}),
    },
  })
}

/** Its results are there: the run that this starts only publishes. */
export const publication = (trial: MadeTrial, { template }: ExperimentSpec): Patch =>
  patch(trial, {
    spec: { suspend: false, output: { uri: template.output.uri, publish: null } },
  })

export const stop = (trial: MadeTrial, because: string): Patch =>
  patch(trial, {
    metadata: { annotations: { [STOPPED_ANNOTATION]: because } },
    spec: { suspend: true },
  })

/** A trial is suspended where the experiment is, where it was given up, and while others take all the room. */
export const suspension = (
  trial: MadeTrial,
  { suspend }: ExperimentSpec,
  crowded: ReadonlySet<number>,
): readonly Patch[] => {
  const wanted = suspend || stoppedBecause(trial.job) !== undefined || crowded.has(trial.number)
  return trial.isActive && trial.job.spec?.suspend !== wanted
    ? [patch(trial, { spec: { suspend: wanted } })]
    : []
}

/** One that was stalled must not go on once it has nothing more to be compared with. */
export const retirement = (trial: MadeTrial): readonly Patch[] =>
  hasEnded(trial.job) || trial.job.spec?.suspend ? [] : [patch(trial, { spec: { suspend: true } })]

/** From the end of the experiment on its trials may expire. */
export const expiry = (trial: MadeTrial, { template }: ExperimentSpec): readonly Patch[] => {
  const { ttlSecondsAfterFinished } = template
  return ttlSecondsAfterFinished === undefined ||
    trial.job.spec?.ttlSecondsAfterFinished === ttlSecondsAfterFinished
    ? []
    : [patch(trial, { spec: { ttlSecondsAfterFinished } })]
}
