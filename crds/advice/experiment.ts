/** Reasons of an experiment that does not go on, or has failed. */
import type { ExperimentReason } from '../experiment-conditions.ts'
import type { Advice } from './advice.ts'

/** These say how far it is. */
export const EXPERIMENT_PROGRESS = [
  'Accepted',
  'Running',
  'Publishing',
  'Succeeded',
  'Suspended',
  'Stopping',
] as const satisfies readonly ExperimentReason[]

type Trouble = Exclude<ExperimentReason, (typeof EXPERIMENT_PROGRESS)[number]>

export const EXPERIMENT_TROUBLES: Readonly<Record<Trouble, Advice>> = {
  Waiting: {
    seenAs: ['exceeded quota'],
    operator:
      'Tries again by itself, with growing pauses, to make the trials that the API server does not take now. Those that run go on.',
    you: 'The message is that of the API server. Of a quota on `count/instructiontuningjobs.attune.dev`: raise it to the number of trials or delete jobs that are no longer needed, since every trial keeps its job until the experiment is deleted.',
  },
  InvalidSpec: {
    operator: 'Makes no trial, and has failed.',
    you: 'Delete the experiment and apply it with the value mended that the message names: what is varied cannot change later. `attune validate` finds mistakes of form at once, then those between fields.',
  },
  NoTrialSucceeded: {
    operator:
      'Publishes nothing. Goes on where a trial is helped: its job runs again, it is deleted and made anew, or what kept it still is mended.',
    you: 'Read `status.trials[].message`: the trials often share one cause. Once that is mended, delete the trials (`kubectl delete itj -l attune.dev/experiment=NAME`); they are made again. Trials that a TuningPolicy refused are tried again after any change of the experiment, such as of `parallelTrials`.',
  },
  PublishFailed: {
    operator: 'Keeps the results of the best trial on its workspace, and publishes no other one.',
    you: 'Mend what the message names, then publish again: `kubectl annotate itj TRIAL attune.dev/retry-publish="$(date +%s)" --overwrite`. The experiment succeeds once its trial does.',
  },
}
