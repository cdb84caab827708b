/** Every Prometheus metric of a trainer pod; the pod's labels tell job, run and stage. */
import type { MetricDefinitions } from '@attune/crds/metrics/metric-definition.ts'

const SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250]

export const TRAINER_METRICS = {
  stageProgress: {
    name: 'attune_stage_progress_ratio',
    type: 'gauge',
    help: 'Share of the stage that is done.',
    labels: { stage: '`prepare`, `train`, `evaluate` or `publish`' },
  },
  memoryLimitBytes: {
    name: 'attune_trainer_memory_limit_bytes',
    type: 'gauge',
    help: 'Memory that the process may use.',
  },
  datasetExamples: {
    name: 'attune_dataset_examples',
    type: 'gauge',
    help: 'Examples of the prepared data.',
    labels: { split: '`train` or `validation`' },
  },
  datasetRowFullness: {
    name: 'attune_dataset_row_fullness_ratio',
    type: 'gauge',
    help: "Share of the training rows' tokens that is not padding.",
  },
  step: {
    name: 'attune_training_step',
    type: 'gauge',
    help: 'Optimizer steps done.',
  },
  totalSteps: {
    name: 'attune_training_steps_planned',
    type: 'gauge',
    help: 'Optimizer steps of the whole run.',
  },
  epoch: {
    name: 'attune_training_epoch',
    type: 'gauge',
    help: 'Passes over the data done, with fraction.',
  },
  loss: {
    name: 'attune_training_loss',
    type: 'gauge',
    help: 'Mean cross-entropy per target token of the last step, in nats.',
  },
  validationLoss: {
    name: 'attune_validation_loss',
    type: 'gauge',
    help: 'Mean cross-entropy per target token on the validation data, in nats.',
  },
  validationTokenAccuracy: {
    name: 'attune_validation_token_accuracy_ratio',
    type: 'gauge',
    help: 'Share of validation target tokens that are the most likely ones.',
  },
  bestStep: {
    name: 'attune_training_best_step',
    type: 'gauge',
    help: 'Step of the best validation so far, where `earlyStopping` or `keepBest` compares them.',
  },
  bestValidationLoss: {
    name: 'attune_best_validation_loss',
    type: 'gauge',
    help: 'Validation loss at that step, in nats.',
  },
  learningRate: {
    name: 'attune_training_learning_rate',
    type: 'gauge',
    help: 'Learning rate of the last step.',
  },
  gradientNorm: {
    name: 'attune_training_gradient_norm',
    type: 'gauge',
    help: 'Global L2 norm of the gradient before clipping.',
  },
  lossScale: {
    name: 'attune_training_loss_scale',
    type: 'gauge',
    help: 'What the loss was multiplied by in the last step of a training in FP16; 0 in others.',
  },
  overflows: {
    name: 'attune_training_overflows_total',
    type: 'counter',
    help: 'Updates skipped since the process started because gradients in FP16 were not finite; each is computed again at half the loss scale.',
  },
  tokens: {
    name: 'attune_training_tokens_total',
    type: 'counter',
    help: 'Tokens trained on since the process started, padding excluded.',
  },
  rows: {
    name: 'attune_training_rows_total',
    type: 'counter',
    help: 'Rows (packed examples) trained on since the process started.',
  },
  tokensPerSecond: {
    name: 'attune_training_tokens_per_second',
    type: 'gauge',
    help: 'Tokens per second over the last steps.',
  },
  stepSeconds: {
    name: 'attune_training_step_seconds',
    type: 'histogram',
    help: 'Time of one optimizer step.',
    buckets: SECONDS,
  },
  partSeconds: {
    name: 'attune_training_part_seconds',
    type: 'histogram',
    help: 'Time of the parts of training; the first three make a step.',
    labels: { part: '`data`, `gradients`, `update`, `validation` or `checkpoint`' },
    buckets: SECONDS,
  },
  checkpointStep: {
    name: 'attune_checkpoint_step',
    type: 'gauge',
    help: 'Step of the newest checkpoint.',
  },
  checkpointTime: {
    name: 'attune_checkpoint_timestamp_seconds',
    type: 'gauge',
    help: 'When the newest checkpoint was saved, since 1970; its age is time() minus this.',
  },
  checkpointBytes: {
    name: 'attune_checkpoint_bytes',
    type: 'gauge',
    help: 'Size of the newest checkpoint.',
  },
  evaluationScore: {
    name: 'attune_evaluation_score',
    type: 'gauge',
    help: 'Mean of an evaluation metric over the answers so far, at the end over all of them.',
    labels: {
      suite: 'name of the suite',
      metric: 'such as `exactMatch`',
      model: '`base` or `tuned`',
    },
  },
} as const satisfies MetricDefinitions
