/** Whether an experiment still has something to do. */
import type { TuningExperimentStatus } from '@attune/crds/tuning-experiment-status.ts'
import type { ExperimentSpec, TuningExperiment } from './kinds.ts'

export type Experiment = TuningExperiment & { readonly spec: ExperimentSpec }

const readyReason = (status: TuningExperimentStatus | undefined) =>
  status?.conditions?.find(({ type }) => type === 'Ready')?.reason

/** Its end stands, whatever becomes of its trials; one that failed may still be helped. */
const isSettled = ({ metadata, status }: TuningExperiment): boolean =>
  status?.observedGeneration === metadata.generation &&
  (status?.phase === 'Succeeded' ||
    (status?.phase === 'Failed' && readyReason(status) === 'InvalidSpec'))

export const isAtWork = (experiment: TuningExperiment): experiment is Experiment =>
  experiment.spec !== undefined &&
  experiment.metadata.deletionTimestamp === undefined &&
  !isSettled(experiment)
