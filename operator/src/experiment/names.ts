/** Names and labels of an experiment's trials. */
import { GROUP } from '@attune/crds/api-group.ts'
import { FIELD_MANAGER, shortName } from '../job/names.ts'

export const EXPERIMENT_LABEL = `${GROUP}/experiment`
export const TRIAL_LABEL = `${GROUP}/trial`
/** Why the experiment has given up a trial that had not ended. */
export const STOPPED_ANNOTATION = `${GROUP}/stopped`

export const trialName = (experiment: string, trial: number) =>
  shortName(experiment, `-trial-${trial}`)

export const trialLabels = (experiment: string, trial: number): Record<string, string> => ({
  'app.kubernetes.io/name': 'attune',
  'app.kubernetes.io/component': 'trial',
  'app.kubernetes.io/part-of': 'attune',
  'app.kubernetes.io/managed-by': FIELD_MANAGER,
  [EXPERIMENT_LABEL]: experiment,
  [TRIAL_LABEL]: String(trial),
})
