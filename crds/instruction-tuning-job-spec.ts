/** `InstructionTuningJob.spec`: every field once, with its type, bounds, default, description and rules. */
import {
  type CelRule,
  defaulted,
  object,
  oneOf,
  optional,
  quantity,
  type Static,
  stringMap,
  Type,
} from './schema.ts'

const URI_MAX = 2048
/** hf: and https: are read over the network, pvc: from a claim of the namespace, file: only by `attune run`. */
export const MODEL_SCHEMES = ['hf', 'https', 'pvc', 'file'] as const
export const DATASET_SCHEMES = ['hf', 'https', 'pvc', 'file'] as const
export const OUTPUT_SCHEMES = ['pvc', 'file'] as const

/** A pod sees no file of the machine where the manifest was written. */
const noFileUris = (others: string): CelRule => ({
  rule: "!self.startsWith('file://')",
  message: `file:// works only with \`attune run\`; use ${others}`,
  clusterOnly: true,
})

const uri = (schemes: readonly string[], description: string) =>
  Type.String({
    minLength: 1,
    maxLength: URI_MAX,
    pattern: `^(${schemes.join('|')})://.+`,
    description,
    'x-kubernetes-validations': [
      noFileUris(schemes === OUTPUT_SCHEMES ? 'pvc://' : 'pvc://, hf:// or https://'),
    ],
  })

const secretName = Type.String({
  minLength: 1,
  maxLength: 253,
  description: 'Name of the Secret.',
})
const secretRef = (description: string) => optional(object({ name: secretName }, { description }))

const fraction = (description: string, value?: number) =>
  Type.Number({
    minimum: 0,
    maximum: 1,
    description,
    ...(value === undefined ? {} : { default: value }),
  })

const Source = object({
  uri: uri(
    MODEL_SCHEMES,
    'Where the model is: `hf://owner/name[@revision][/file.gguf]`, `https://…`, `pvc://claim/path`, or `file://path` (only for `attune run`). A folder in Hugging Face layout or one GGUF file.',
  ),
  credentialsSecret: secretRef(
    'Secret of this namespace whose key `token` authorizes the download.',
  ),
})

const Model = object({ source: Source }, { description: 'The pre-trained base model.' })

const DataSource = object({
  uri: uri(
    DATASET_SCHEMES,
    'Where the examples are: `hf://datasets/owner/name[@revision]/file.jsonl`, `https://…`, `pvc://claim/path`, or `file://path` (only for `attune run`). `.jsonl` or `.json`.',
  ),
  format: optional(
    oneOf(['Auto', 'Alpaca', 'PromptCompletion', 'Messages'], {
      default: 'Auto',
      description: 'Shape of one example. `Auto` decides by the keys of the first.',
    }),
  ),
  credentialsSecret: secretRef(
    'Secret of this namespace whose key `token` authorizes the download.',
  ),
})

const Dataset = object(
  {
    sources: Type.Array(DataSource, {
      minItems: 1,
      maxItems: 16,
      description: 'Files of instruction-output pairs, read in this order.',
      'x-kubernetes-list-type': 'atomic',
    }),
    columns: optional(
      object(
        {
          instruction: optional(Type.String({ minLength: 1, maxLength: 128 })),
          input: optional(Type.String({ minLength: 1, maxLength: 128 })),
          output: optional(Type.String({ minLength: 1, maxLength: 128 })),
          prompt: optional(Type.String({ minLength: 1, maxLength: 128 })),
          completion: optional(Type.String({ minLength: 1, maxLength: 128 })),
          messages: optional(Type.String({ minLength: 1, maxLength: 128 })),
        },
        { description: "The data's own names of the format's keys, where they differ." },
      ),
    ),
    validation: defaulted(
      {
        fraction: optional(
          Type.Number({
            exclusiveMinimum: 0,
            maximum: 0.5,
            description:
              'Share of the examples held out, chosen by the hash of their content, so an example never changes sides.',
          }),
        ),
        sources: optional(
          Type.Array(DataSource, {
            minItems: 1,
            maxItems: 16,
            description: 'Files of their own to validate on.',
            'x-kubernetes-list-type': 'atomic',
          }),
        ),
      },
      {
        default: {},
        description: 'What is held out. Neither field given: a fraction of 0.1.',
        'x-kubernetes-validations': [
          {
            rule: '!(has(self.fraction) && has(self.sources))',
            message: 'give fraction or sources, not both',
          },
        ],
      },
    ),
    categoryColumn: optional(
      Type.String({
        minLength: 1,
        maxLength: 128,
        description:
          'Key whose value names the slice of an example; metrics are reported per slice.',
      }),
    ),
    quality: defaulted(
      {
        minExamples: optional(
          Type.Integer({
            minimum: 1,
            default: 1,
            description:
              'Fewer training examples than this fail the job before an accelerator is taken.',
          }),
        ),
        maxDuplicateFraction: optional(
          fraction(
            'Largest allowed share of examples whose content stands earlier in the data.',
            1,
          ),
        ),
      },
      { description: 'Gates on the data.' },
    ),
    systemPrompt: optional(
      Type.String({
        maxLength: 16384,
        description: 'System turn put before examples that have none.',
      }),
    ),
    chatTemplate: optional(
      Type.String({
        maxLength: 65536,
        description: "Jinja chat template; default is the base model's own.",
      }),
    ),
    lossOn: optional(
      oneOf(['Response', 'All'], {
        default: 'Response',
        description: "`Response`: only the assistant's tokens are learned. `All`: every token is.",
      }),
    ),
  },
  { description: 'Instruction-output pairs.' },
)

/** The linear layers of a Llama block, by their Hugging Face names. */
export const LORA_TARGETS = [
  'q_proj',
  'k_proj',
  'v_proj',
  'o_proj',
  'gate_proj',
  'up_proj',
  'down_proj',
] as const

const Method = defaulted(
  {
    type: optional(oneOf(['LoRA'], { default: 'LoRA', description: 'How weights are changed.' })),
    lora: defaulted(
      {
        rank: optional(
          Type.Integer({
            minimum: 1,
            maximum: 512,
            default: 16,
            description: 'Rank r of A (r × in) and B (out × r).',
          }),
        ),
        alpha: optional(
          Type.Number({
            exclusiveMinimum: 0,
            maximum: 4096,
            default: 32,
            description: 'The update is scaled by alpha / rank.',
          }),
        ),
        targetModules: optional(
          Type.Array(oneOf(['all-linear', ...LORA_TARGETS]), {
            minItems: 1,
            maxItems: 8,
            default: ['all-linear'],
            description:
              'Linear layers that get an adapter; `all-linear` is all but the output head.',
            'x-kubernetes-list-type': 'set',
          }),
        ),
      },
      { description: 'Low-rank adaptation (arXiv:2106.09685).' },
    ),
  },
  { description: 'The tuning method.' },
)

const Training = defaulted(
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
          'Rows computed at once; the gradient is that of the whole batch whatever it is. A positive integer or `Auto`.',
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
          oneOf(['Constant', 'Linear', 'Cosine'], {
            default: 'Cosine',
            description: 'Shape after the warm-up.',
          }),
        ),
        warmupFraction: optional(
          fraction('Share of all steps in which the rate rises from 0.', 0.03),
        ),
      },
      { description: 'Learning-rate schedule, by the formulas of Hugging Face transformers.' },
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
        description: 'Seed of adapter initialization and data order.',
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

const Suite = object({
  name: Type.String({
    minLength: 1,
    maxLength: 63,
    pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
    description: 'Name in metrics and gates.',
  }),
  type: optional(
    oneOf(['Generation'], {
      default: 'Generation',
      description: '`Generation`: greedy answers to the validation examples against their outputs.',
    }),
  ),
  metrics: optional(
    Type.Array(oneOf(['exactMatch', 'tokenF1']), {
      minItems: 1,
      maxItems: 2,
      default: ['exactMatch', 'tokenF1'],
      description: 'What is measured; the first is the main one.',
      'x-kubernetes-list-type': 'set',
    }),
  ),
  maxNewTokens: optional(
    Type.Integer({
      minimum: 1,
      maximum: 8192,
      default: 64,
      description: 'Longest answer in tokens.',
    }),
  ),
  maxExamples: optional(
    Type.Integer({
      minimum: 1,
      maximum: 100_000,
      default: 200,
      description: 'At most so many validation examples, in their stable order.',
    }),
  ),
})

const Gate = object(
  {
    metric: Type.String({
      minLength: 3,
      maxLength: 128,
      pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?/(exactMatch|tokenF1)$',
      description: '`<suite>/<metric>`.',
    }),
    atLeast: optional(Type.Number({ description: 'Lowest allowed value of the tuned model.' })),
    improvesOnBaseBy: optional(
      Type.Number({ description: 'Lowest allowed difference tuned − base.' }),
    ),
    maxSliceGap: optional(
      Type.Number({
        minimum: 0,
        description: 'Largest allowed difference of the mean over slices and the worst slice.',
      }),
    ),
  },
  {
    'x-kubernetes-validations': [
      {
        rule: '(has(self.atLeast) ? 1 : 0) + (has(self.improvesOnBaseBy) ? 1 : 0) + (has(self.maxSliceGap) ? 1 : 0) == 1',
        message: 'give exactly one of atLeast, improvesOnBaseBy, maxSliceGap',
      },
    ],
  },
)

const Evaluation = defaulted(
  {
    everySteps: optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000_000,
        default: 50,
        description: 'Steps between measurements of validation loss and token accuracy.',
      }),
    ),
    suites: optional(
      Type.Array(Suite, {
        maxItems: 8,
        default: [{ name: 'held-out' }],
        description: 'Measured after training on the base and the tuned model.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
      }),
    ),
    gates: optional(
      Type.Array(Gate, {
        maxItems: 16,
        default: [],
        description: 'All must hold, or nothing is published.',
        'x-kubernetes-list-type': 'atomic',
      }),
    ),
  },
  {
    description: 'How to judge the result.',
    'x-kubernetes-validations': [
      {
        rule: "!has(self.gates) || self.gates.all(g, self.suites.exists(s, s.metrics.exists(m, s.name + '/' + m == g.metric)))",
        message: 'every gate must name a metric of a suite, as <suite>/<metric>',
      },
    ],
  },
)

const Output = object(
  {
    uri: uri(
      OUTPUT_SCHEMES,
      'Folder to publish to: `pvc://claim/path`, or `file://path` (only for `attune run`). Results land in `run-<n>/` below it.',
    ),
  },
  { description: 'Where the tuned model goes.' },
)

const Toleration = object({
  key: optional(Type.String()),
  operator: optional(oneOf(['Exists', 'Equal'])),
  value: optional(Type.String()),
  effect: optional(oneOf(['NoSchedule', 'PreferNoSchedule', 'NoExecute'])),
  tolerationSeconds: optional(Type.Integer()),
})
const tolerations = optional(
  Type.Array(Toleration, {
    maxItems: 32,
    description: 'Taints that the pods tolerate.',
    'x-kubernetes-list-type': 'atomic',
  }),
)

const Compute = (description: string, defaults?: Record<string, string>) =>
  defaulted(
    { cpu: optional(quantity('Cores.')), memory: optional(quantity('Bytes.')) },
    { description, ...(defaults ? { default: defaults } : {}) },
  )

const Resources = defaulted(
  {
    accelerator: optional(
      object(
        {
          resource: optional(
            Type.String({
              default: 'nvidia.com/gpu',
              minLength: 1,
              maxLength: 253,
              description: 'Extended resource name.',
            }),
          ),
          count: optional(
            Type.Integer({ minimum: 1, maximum: 16, default: 1, description: 'Devices per pod.' }),
          ),
          nodeSelector: stringMap('Node labels of the stages that use the accelerator.'),
          tolerations,
        },
        { description: 'Device of Train and Evaluate; absent: CPU.' },
      ),
    ),
    requests: Compute('Requested by every stage.', { cpu: '1', memory: '2Gi' }),
    limits: Compute('Limits of every stage.', { memory: '4Gi' }),
  },
  { description: "The pods' resources." },
)

const PodTemplate = defaulted(
  {
    labels: stringMap('Further pod labels.'),
    annotations: stringMap('Further pod annotations.'),
    nodeSelector: stringMap('Node labels of every stage.'),
    tolerations,
    imagePullSecrets: optional(
      Type.Array(object({ name: secretName }), {
        maxItems: 8,
        description: 'Secrets to pull the trainer image with.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
      }),
    ),
    runtimeClassName: optional(
      Type.String({ maxLength: 253, description: 'RuntimeClass of the pods.' }),
    ),
    priorityClassName: optional(
      Type.String({ maxLength: 253, description: 'PriorityClass of the pods.' }),
    ),
  },
  { description: 'What the pods of every stage carry besides.' },
)

export const InstructionTuningJobSpecSchema = object(
  {
    model: Model,
    dataset: Dataset,
    method: Method,
    training: Training,
    evaluation: Evaluation,
    output: Output,
    resources: Resources,
    workspace: defaulted(
      {
        size: optional(quantity('Size of the volume that the stages share.', { default: '20Gi' })),
        storageClassName: optional(
          Type.String({ maxLength: 253, description: "StorageClass; default is the cluster's." }),
        ),
      },
      { description: 'The volume that the stages share.' },
    ),
    podTemplate: PodTemplate,
    suspend: optional(
      Type.Boolean({
        default: false,
        description: 'Stop with a checkpoint and free the pod; false goes on.',
      }),
    ),
    retry: defaulted(
      {
        limit: optional(
          Type.Integer({
            minimum: 0,
            maximum: 100,
            default: 3,
            description: 'Retries of a stage; disruptions do not count.',
          }),
        ),
        deadlineSeconds: optional(
          Type.Integer({
            minimum: 1,
            maximum: 31_536_000,
            default: 86400,
            description: 'Longest running time of a stage.',
          }),
        ),
      },
      { description: 'When to give up.' },
    ),
    ttlSecondsAfterFinished: optional(
      Type.Integer({
        minimum: 0,
        maximum: 31_536_000,
        description:
          "After this time the job's Jobs, pods and workspace are removed, never the object itself.",
      }),
    ),
    runHistoryLimit: optional(
      Type.Integer({ minimum: 1, maximum: 50, default: 5, description: 'Runs kept in status.' }),
    ),
  },
  { description: 'What to tune, on what, how, and where to.' },
)

/** Spec as a tenant writes it: defaults may be absent. */
export type InstructionTuningJobSpec = Static<typeof InstructionTuningJobSpecSchema>
