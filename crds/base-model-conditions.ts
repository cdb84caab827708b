/** The words of a `BaseModel`'s status, each with one sentence. */

export const BASE_MODEL_CONDITIONS = {
  Ready: 'True while jobs may take it: nothing that is known of it stands against that.',
  Reconciling: 'Present while the hub does not answer at first and is asked again (kstatus).',
  Stalled: 'Present when only a change by a person can help (kstatus).',
  Verified:
    'True once the hub has shown a config.json that the trainer supports, False where the model cannot be used, Unknown where the operator cannot tell.',
} as const
export type BaseModelConditionType = keyof typeof BASE_MODEL_CONDITIONS

export const BASE_MODEL_REASONS = {
  Verified: 'The hub has it, and its config.json names an architecture that the trainer supports.',
  NotVerifiable:
    'The operator cannot look at this source; Prepare of the first job that takes it does.',
  SourceForbidden:
    'The hub gives it to those with a token only, which the operator never has: it is gated, private, or does not exist.',
  SourceUnreachable: 'The hub does not answer the operator, which asks again.',
  SourceNotFound: 'The hub has no such repository, revision or file.',
  ModelUnsupported: 'The trainer cannot tune this model.',
  ModelMalformed: 'Its config.json is not what it should be.',
  ArchitectureDiffers: 'Its config.json names another architecture than spec.architecture.',
  InvalidSpec: 'The spec passed the schema and still cannot work; the message names the field.',
} as const
export type BaseModelReason = keyof typeof BASE_MODEL_REASONS
