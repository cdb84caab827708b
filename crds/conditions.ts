/** Every phase, condition type and reason, each with one sentence; docs and status use the same words. */
export const PHASES = [
  'Pending',
  'Queued',
  'Preparing',
  'Training',
  'Evaluating',
  'Publishing',
  'Suspended',
  'Succeeded',
  'Failed',
] as const
export type Phase = (typeof PHASES)[number]

export const CONDITIONS = {
  Ready:
    'True once the tuned model is published, or evaluated where nothing is to be published; the one to wait for.',
  Reconciling: 'Present while the operator works towards Ready (kstatus).',
  Stalled: 'Present when only a change by a person can help (kstatus).',
  DatasetReady: 'The model and the data are read, checked and tokenized.',
  QuotaReserved: 'Kueue has reserved the quota of the current stage; absent outside a queue.',
  GatesPassed: 'Every gate of the evaluation holds.',
  Suspended: 'spec.suspend is true and no pod runs.',
  Complete: 'The run ended in success.',
  Failed: 'The run ended in failure.',
  Finished: 'The run ended, in success or failure.',
} as const
export type ConditionType = keyof typeof CONDITIONS

/** What Kueue says of a stage that its queue holds or has let go. */
export const QUEUE_REASONS = {
  Queued: 'The stage waits in its queue.',
  WaitingForQuota: 'The queue has no quota left for the stage.',
  WaitingForPreemptedWorkloads: 'Others are stopped to make room for the stage.',
  WaitingForPodsReady: 'The queue waits for the pods of those that were admitted before.',
  ExceedsMaxQuota: 'The stage asks for more than its queue can ever give.',
  NoMatchingFlavor:
    'No ResourceFlavor of the queue fits the node labels and tolerations of the stage.',
  TopologyPlacementFailed:
    'The nodes of the queue have no place for the pod as their topology is used now.',
  Misconfigured: 'The queue, or what it refers to, does not exist or is set up wrongly.',
  Inadmissible: 'The queue does not exist or is not active.',
  AdmissionGated: 'An admission gate holds the stage back.',
  QueueStopped: 'The queue is stopped by its administrator.',
  QuotaReserved: 'The quota is reserved; admission checks are still to pass.',
  Admitted: 'The queue lets the stage run.',
  Preempted:
    'Others took the quota; the stage goes on from its checkpoint once it is admitted again.',
  PodsReadyTimeout: 'The pod of the stage was not ready in time; the stage is queued again.',
  AdmissionCheckFailed: 'An admission check of the queue failed; the stage is queued again.',
  NodeFailures: 'Nodes of the stage failed; the stage is queued again.',
  Evicted: 'Kueue took the quota back; the stage goes on once it is admitted again.',
  Deactivated: 'Kueue gave the stage up; it goes on once its Workload is set active again.',
  FailedToStart:
    'What Kueue adds to the pod contradicts the spec, e.g. another value for a node label.',
} as const
export type QueueReason = keyof typeof QUEUE_REASONS

export const REASONS = {
  Accepted: 'The job is accepted and its first stage is about to start.',
  Preparing: 'Sources are read, checked and tokenized.',
  Training: 'Weights are being trained.',
  Evaluating: 'Base and tuned model answer the validation examples.',
  Publishing: 'The results are written to the output.',
  Succeeded: 'The tuned model is published.',
  NotPublished:
    'The tuned model is evaluated and stays in the workspace: spec.output.publish is false.',
  Suspended: 'The job is suspended; it goes on from its checkpoint.',
  Waiting: 'Something outside the job keeps it from going on; the message says what.',
  Unschedulable: "No node takes the pod; the message is the scheduler's.",
  ImagePullBackOff: 'The image of the pod cannot be pulled.',
  FailedMount: 'A volume of the pod cannot be attached or mounted.',
  CreateContainerError: 'The container of the pod cannot be made, e.g. for a missing Secret.',
  NodeNotResponding:
    'A pod that was told to end has not, as far as its node says; the message names both.',
  WaitingForModel:
    'The BaseModel is not there or may not be used; the run starts once it is and may.',
  CatalogueNotRead: 'This operator may not read BaseModels; the message says what to grant it.',
  NoModelFits: 'No BaseModel is what spec.model.selector requires; the run starts once one is.',
  WaitingForDataset: 'The InstructionDataset is not there or not ready; the job starts once it is.',
  DatasetFailed: 'The InstructionDataset failed; the job starts once it is mended.',
  Stopping: 'A pod saves its checkpoint and ends.',
  ...QUEUE_REASONS,
  Retrying: 'A stage failed and is tried again.',
  WorkspaceLost: 'The workspace volume is gone; the run starts from its first stage.',
  Prepared: 'The model and the data are read, checked and tokenized.',
  PolicyViolation:
    'A TuningPolicy of this namespace does not allow what the spec asks for; the message names policy and limit.',
  InvalidSpec: 'The spec passed the schema and still cannot work; the message names the field.',
  SourceNotFound: 'A model or data source does not exist.',
  SourceForbidden: 'A model or data source refused access.',
  DatasetMalformed: 'A data file is not what it says; the message names file and line.',
  DatasetBelowQuality: 'The data misses one of its quality gates.',
  ModelMalformed: 'A model file is damaged or not what it says.',
  ModelUnsupported: 'The model architecture, tokenizer or weight type is not supported.',
  TrainingDiverged: 'The loss is not finite, or ran away; the last good checkpoint is kept.',
  GatesNotPassed: 'An evaluation gate does not hold; nothing is published.',
  GatesPassed: 'Every gate of the evaluation holds.',
  PublishFailed: 'The output could not be written.',
  PlanExceedsMemory:
    'Training is estimated to need more memory than its pod, or the accelerator, has.',
  OutOfMemory: 'The memory of the pod or of its accelerator ran out.',
  MicroBatchHalved:
    'Training ran out of memory; its next attempt computes half as many rows at once.',
  DeadlineExceeded: 'A stage ran longer than retry.deadlineSeconds.',
  RetriesExhausted: 'A stage failed more often than retry.limit allows.',
  StageFailed:
    'A stage failed and no other reason fits, e.g. because a host cannot be reached; the message says what is known.',
} as const
export type Reason = keyof typeof REASONS
