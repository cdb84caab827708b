/** Which change of a trial's job its experiment has to see at once: many trials at a time each tell of every step. */
import type { InstructionTuningJob } from '../job/kinds.ts'
import { anyOf, annotationChanged, generationChanged, type Predicate } from '../kube/predicates.ts'
import { tellsProgressOnly } from '../kube/status-pace.ts'
import { STOPPED_ANNOTATION } from './names.ts'

const statusChanged: Predicate<InstructionTuningJob> = ({ before, after }) =>
  !tellsProgressOnly(before?.status, after?.status)

export const concernsExperiment: Predicate<InstructionTuningJob> = anyOf<InstructionTuningJob>(
  generationChanged,
  annotationChanged(STOPPED_ANNOTATION),
  statusChanged,
)

export const isProgress: Predicate<InstructionTuningJob> = change => !concernsExperiment(change)
