/** Every kind of the API: what is generated, installed and documented. */
import type { KindDefinition } from './custom-resource-definition.ts'
import { INSTRUCTION_TUNING_JOB } from './instruction-tuning-job.ts'
import { TUNING_POLICY } from './tuning-policy.ts'

export const KINDS: readonly KindDefinition[] = [INSTRUCTION_TUNING_JOB, TUNING_POLICY]
