/** `spec.training`. */
import { defaulted, object, oneOf, optional, Type } from '../schema.ts'
import { fraction } from './common.ts'

export const Training = defaulted(
  {
    epochs: optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1000,
        description: 'Passes over the data; 1 if maxSteps is absent too.',
      }),
    ),
    maxSteps: optional(
      Type.Integer({
        minimum: 1,
        maximum: 10_000_000,
        description: 'Optimizer steps, in place of epochs.',
      }),
    ),
    stopAfterSteps: optional(
      Type.Integer({
        minimum: 1,
        maximum: 10_000_000,
        description:
          'Evaluate and publish what is there after so many steps. The schedule stays that of the whole training, so that a larger value, or none, goes on from here to the same losses. With `output.publish: false` gates are asked only once it has trained to its end.',
      }),
    ),
    batchSize: optional(
      Type.Integer({
        minimum: 1,
        maximum: 65536,
        default: 16,
        description: 'Rows (packed rows where `packing` is on) per optimizer step.',
      }),
    ),
    microBatchSize: optional(
      Type.Unsafe<number | 'Auto'>({
        'x-kubernetes-int-or-string': true,
        default: 'Auto',
        description:
          'Rows computed at once; the gradient is that of the whole batch whatever it is. More than `batchSize` counts as `batchSize`; where `packing` is off, as many shorter rows as have no more tokens. A positive integer or `Auto`.',
        'x-kubernetes-validations': [
          {
            rule: "type(self) == int ? self >= 1 : self == 'Auto'",
            message: 'must be a positive integer or Auto',
          },
        ],
      }),
    ),
    sequenceLength: optional(
      Type.Integer({
        minimum: 16,
        maximum: 131072,
        default: 512,
        description: 'Tokens per row; longer examples lose the start of their prompt.',
      }),
    ),
    packing: optional(
      Type.Boolean({
        default: true,
        description: 'Several examples share a row without seeing each other.',
      }),
    ),
    learningRate: optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1,
        default: 0.0002,
        description: 'Peak learning rate.',
      }),
    ),
    schedule: defaulted(
      {
        type: optional(
          oneOf(['Constant', 'Linear', 'Cosine', 'WarmupStableDecay'], {
            default: 'Cosine',
            description: 'Shape after the warm-up.',
          }),
        ),
        warmupFraction: optional(
          fraction('Share of all steps in which the rate rises from 0.', 0.03),
        ),
        decayFraction: optional(
          fraction(
            'Of `WarmupStableDecay`: share of all steps, the last ones, in which the rate falls by half a cosine; 0.1 if absent.',
          ),
        ),
        minLearningRateFraction: optional(
          fraction('Share of `learningRate` at which a decay ends; 0 if absent.'),
        ),
      },
      {
        description: 'Learning-rate schedule, by the formulas of Hugging Face transformers.',
        'x-kubernetes-validations': [
          {
            rule: "!has(self.decayFraction) || (has(self.type) && self.type == 'WarmupStableDecay')",
            message: 'decayFraction is for WarmupStableDecay only',
          },
          {
            rule: '!has(self.decayFraction) || !has(self.warmupFraction) || self.decayFraction + self.warmupFraction <= 1.0',
            message: 'warmupFraction and decayFraction are more than 1 together',
          },
          {
            rule: "!has(self.minLearningRateFraction) || !has(self.type) || self.type != 'Constant'",
            message: 'Constant does not fall, so it has no minLearningRateFraction',
          },
        ],
      },
    ),
    optimizer: defaulted(
      {
        type: optional(
          oneOf(['AdamW'], {
            default: 'AdamW',
            description: 'Adam with decoupled weight decay (arXiv:1711.05101).',
          }),
        ),
        beta1: optional(
          Type.Number({
            minimum: 0,
            exclusiveMaximum: 1,
            default: 0.9,
            description: 'Decay of the first moment.',
          }),
        ),
        beta2: optional(
          Type.Number({
            minimum: 0,
            exclusiveMaximum: 1,
            default: 0.999,
            description: 'Decay of the second moment.',
          }),
        ),
        epsilon: optional(
          Type.Number({
            exclusiveMinimum: 0,
            maximum: 1,
            default: 1e-8,
            description: 'Added to the denominator.',
          }),
        ),
        weightDecay: optional(
          Type.Number({
            minimum: 0,
            maximum: 1,
            default: 0,
            description: 'Decoupled weight decay.',
          }),
        ),
      },
      { description: 'The optimizer.' },
    ),
    maxGradientNorm: optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1e6,
        default: 1,
        description: 'Gradients are clipped to this global L2 norm.',
      }),
    ),
    precision: optional(
      oneOf(['FP32', 'FP16', 'BF16'], {
        description:
          "What the layers' matrix products compute with on an accelerator; FP32 if absent. Norms, softmax, the loss, sums, parameters and the optimizer are float32 whatever it is; FP16 scales the loss.",
      }),
    ),
    gradientCheckpointing: optional(
      oneOf(['Auto', 'Enabled', 'Disabled'], {
        default: 'Auto',
        description:
          'Recompute activations in the backward pass: less memory, more time. `Auto` enables it where the estimate exceeds the memory limit.',
      }),
    ),
    seed: optional(
      Type.Integer({
        minimum: 0,
        maximum: 4294967295,
        default: 42,
        description: 'Seed of initialization, data order, dropout and noise.',
      }),
    ),
    checkpoint: defaulted(
      {
        everySteps: optional(
          Type.Integer({
            minimum: 1,
            maximum: 1_000_000,
            default: 50,
            description: 'Steps between checkpoints.',
          }),
        ),
        keep: optional(
          Type.Integer({ minimum: 1, maximum: 100, default: 2, description: 'Checkpoints kept.' }),
        ),
      },
      { description: 'Checkpoints, also written on SIGTERM.' },
    ),
    neftuneAlpha: optional(
      Type.Number({
        minimum: 0,
        maximum: 1000,
        description:
          'NEFTune (arXiv:2310.05914): while training, uniform noise of at most this / √(sequenceLength · hidden size) is added to the embeddings; 5 to 15 are usual, none if absent.',
      }),
    ),
    labelSmoothing: optional(
      Type.Number({
        minimum: 0,
        exclusiveMaximum: 1,
        description:
          'Share of each target that training spreads over the whole vocabulary, by the formula of torch; 0 if absent. Validation measures the plain loss.',
      }),
    ),
    earlyStopping: optional(
      object(
        {
          metric: optional(
            oneOf(['validation/loss', 'validation/tokenAccuracy'], {
              default: 'validation/loss',
              description: 'What is compared: a smaller loss, or a larger accuracy, is better.',
            }),
          ),
          patience: optional(
            Type.Integer({
              minimum: 1,
              maximum: 10_000,
              default: 3,
              description: 'Validations in a row without a gain after which training ends.',
            }),
          ),
          minDelta: optional(
            Type.Number({
              minimum: 0,
              maximum: 1000,
              default: 0,
              description: 'A gain is larger than this.',
            }),
          ),
        },
        {
          description:
            'Ends training once validations, one every `evaluation.everySteps`, stop getting better. Needs validation data.',
        },
      ),
    ),
    keepBest: optional(
      Type.Boolean({
        description:
          'Take the adapter of the best validation and not that of the last step (`load_best_model_at_end` of Hugging Face); by the metric of `earlyStopping`, else by `validation/loss`. True if absent where `earlyStopping` is given, else false. Needs validation data.',
      }),
    ),
  },
  {
    description: 'How to train.',
    'x-kubernetes-validations': [
      {
        rule: '!(has(self.epochs) && has(self.maxSteps))',
        message: 'give epochs or maxSteps, not both',
      },
    ],
  },
)
