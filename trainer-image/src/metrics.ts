/** Every Prometheus metric of a trainer pod, by prom-client; names and units follow Prometheus' conventions. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'

export type TrainerMetrics = ReturnType<typeof createTrainerMetrics>

export const createTrainerMetrics = () => {
  const registry = new Registry()
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name, help, labelNames, registers: [registry] })
  return {
    registry,
    step: gauge('attune_training_step', 'Optimizer steps done.'),
    totalSteps: gauge('attune_training_steps_planned', 'Optimizer steps of the whole run.'),
    epoch: gauge('attune_training_epoch', 'Passes over the data done, with fraction.'),
    loss: gauge(
      'attune_training_loss',
      'Mean cross-entropy per target token of the last step, in nats.',
    ),
    validationLoss: gauge(
      'attune_validation_loss',
      'Mean cross-entropy per target token on the validation data, in nats.',
    ),
    validationTokenAccuracy: gauge(
      'attune_validation_token_accuracy_ratio',
      'Share of validation target tokens that are the most likely ones.',
    ),
    learningRate: gauge('attune_training_learning_rate', 'Learning rate of the last step.'),
    gradientNorm: gauge(
      'attune_training_gradient_norm',
      'Global L2 norm of the gradient before clipping.',
    ),
    tokens: new Counter({
      name: 'attune_training_tokens_total',
      help: 'Tokens trained on, padding excluded.',
      registers: [registry],
    }),
    tokensPerSecond: gauge(
      'attune_training_tokens_per_second',
      'Tokens per second over the last steps.',
    ),
    stepSeconds: new Histogram({
      name: 'attune_training_step_seconds',
      help: 'Time of one optimizer step.',
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250],
      registers: [registry],
    }),
    checkpointStep: gauge('attune_checkpoint_step', 'Step of the newest checkpoint.'),
    evaluationScore: gauge('attune_evaluation_score', 'Value of an evaluation metric.', [
      'suite',
      'metric',
      'model',
    ]),
    stageProgress: gauge('attune_stage_progress_ratio', 'Share of the stage that is done.', [
      'stage',
    ]),
  }
}
