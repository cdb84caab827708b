/** Every kind of the API: what is generated, installed and documented. */
import { BASE_MODEL } from './base-model.ts'
import type { KindDefinition } from './custom-resource-definition.ts'
import { INSTRUCTION_DATASET } from './instruction-dataset.ts'
import { INSTRUCTION_TUNING_JOB } from './instruction-tuning-job.ts'
import { TUNING_EXPERIMENT } from './tuning-experiment.ts'
import { TUNING_POLICY } from './tuning-policy.ts'

export const KINDS: readonly KindDefinition[] = [
  INSTRUCTION_TUNING_JOB,
  INSTRUCTION_DATASET,
  BASE_MODEL,
  TUNING_EXPERIMENT,
  TUNING_POLICY,
]
