/** `spec.method`. */
import { isHubModelRule } from '../hub-uri.ts'
import { type CelRule, defaulted, object, oneOf, optional, Type } from '../schema.ts'
import { hubToken, TOKEN_FOR_HUB_ONLY, uri } from './common.ts'

/** The linear layers of a transformer's block, by their Hugging Face names; Phi-3 has the two joined ones. */
const LINEAR_LAYERS = [
  'q_proj',
  'k_proj',
  'v_proj',
  'o_proj',
  'gate_proj',
  'up_proj',
  'down_proj',
  'qkv_proj',
  'gate_up_proj',
] as const

export const METHOD_TYPES = ['LoRA', 'QLoRA', 'Full'] as const
export type MethodType = (typeof METHOD_TYPES)[number]

const LORA_VARIANTS = ['Standard', 'RankStabilized', 'DoRA'] as const

/** Where an adapter may be: it is two files, so a single URL does not do. */
const ADAPTER_SCHEMES = ['hf', 'pvc', 'file'] as const

/** @param rules of the schema that is made */
const modulePattern = (rules: readonly CelRule[] = []) =>
  Type.String({
    minLength: 1,
    maxLength: 128,
    pattern: '^[A-Za-z0-9_*{},-]+([.][A-Za-z0-9_*{},-]+)*$',
    'x-kubernetes-validations': [
      {
        rule: "self.matches('^([^{}]|[{][^{}.]+[}])*$')",
        message: 'braces hold a choice, such as {0-3,8}, and are closed before the next dot',
      },
      ...rules,
    ],
  })

/** A misspelt name would be found only when the model is there. */
const KNOWN_NAME: CelRule = {
  rule: `self == 'all-linear' || self.matches('[.*{]') || self in [${LINEAR_LAYERS.map(name => `'${name}'`).join(', ')}]`,
  message: `must be all-linear, a name (${LINEAR_LAYERS.join(', ')}), or an end of a path with dots, * or {…}`,
}

const VARIED = ['variant', 'dropout', 'bLearningRateRatio', 'modulesToSave', 'startFrom'] as const
const LORA_UNTOUCHED = [
  'self.lora.rank == 16',
  'self.lora.alpha == 32.0',
  "self.lora.targetModules == ['all-linear']",
  ...VARIED.map(field => `!has(self.lora.${field})`),
].join(' && ')

const StartFrom = object(
  {
    uri: uri(
      ADAPTER_SCHEMES,
      'Folder of the adapter, in the form of PEFT: `hf://owner/name[@revision]`, `pvc://claim/path`, or `file://path` (only for `attune run`).',
      [
        {
          rule: isHubModelRule('self'),
          message: 'an adapter of the hub is written hf://owner/name[@revision]',
        },
      ],
    ),
    credentialsSecret: hubToken,
  },
  {
    description:
      'An adapter to go on from; rank, alpha, variant, targetModules and modulesToSave must be those that it was made with.',
    'x-kubernetes-validations': [TOKEN_FOR_HUB_ONLY],
  },
)

const Lora = defaulted(
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
        description:
          'The update is scaled by alpha / rank; with the variant RankStabilized by alpha / √rank.',
      }),
    ),
    targetModules: optional(
      Type.Array(modulePattern([KNOWN_NAME]), {
        minItems: 1,
        maxItems: 32,
        default: ['all-linear'],
        description:
          'Linear layers that get an adapter: `all-linear` (all but the output head), names (`q_proj`), or ends of paths, where `*` stands for any part and braces hold a choice: `layers.{0-3,8}.self_attn.*`.',
        'x-kubernetes-list-type': 'set',
      }),
    ),
    variant: optional(
      oneOf(LORA_VARIANTS, {
        description:
          '`RankStabilized` (rsLoRA, arXiv:2312.03732) keeps large ranks learning; `DoRA` (arXiv:2402.09353) also learns the length of each row of a weight. Default is Standard.',
      }),
    ),
    dropout: optional(
      Type.Number({
        minimum: 0,
        exclusiveMaximum: 1,
        description:
          "Share of an adapter's inputs that is zeroed at each training step. Default is 0.",
      }),
    ),
    bLearningRateRatio: optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1024,
        description:
          'LoRA+ (arXiv:2402.12354): learning rate of B as a multiple of that of A; 16 is usual, with a lower learning rate. Default is 1.',
      }),
    ),
    modulesToSave: optional(
      Type.Array(modulePattern(), {
        minItems: 1,
        maxItems: 16,
        description:
          'Modules whose whole weights are trained and saved with the adapter, written as targetModules are: `embed_tokens`, `lm_head`, `norm`.',
        'x-kubernetes-list-type': 'set',
      }),
    ),
    startFrom: optional(StartFrom),
  },
  { description: 'Low-rank adaptation (arXiv:2106.09685).' },
)

export const Method = defaulted(
  {
    type: optional(
      oneOf(METHOD_TYPES, {
        default: 'LoRA',
        description:
          'How weights are changed: `LoRA` trains an adapter beside frozen weights, `QLoRA` beside linear layers that are kept in few bits; `Full` trains all weights.',
      }),
    ),
    lora: Lora,
    quantization: optional(
      object(
        {
          bits: optional(
            Type.Unsafe<4 | 8>({
              type: 'integer',
              enum: [4, 8],
              default: 4,
              description: 'Of a weight, beside a scale and a zero point per block.',
            }),
          ),
          blockSize: optional(
            Type.Unsafe<16 | 32 | 64 | 128>({
              type: 'integer',
              enum: [16, 32, 64, 128],
              default: 32,
              description:
                'Weights that share a scale and a zero point; it has to divide the inputs of every linear layer.',
            }),
          ),
        },
        {
          description:
            'How QLoRA (arXiv:2305.14314) keeps the linear layers; 4 bits in blocks of 32 if absent. Embeddings, norms and the output head stay in float32. Evaluation and merged outputs have the same rounded weights.',
        },
      ),
    ),
  },
  {
    description: 'The tuning method.',
    'x-kubernetes-validations': [
      {
        rule: "!has(self.quantization) || (has(self.type) && self.type == 'QLoRA')",
        message: 'quantization is for QLoRA only',
      },
      // the API server asks of the default, too, before it fills in what is in it
      {
        rule: `!has(self.type) || self.type != 'Full' || (${LORA_UNTOUCHED})`,
        message: 'lora says how an adapter is trained, and the type Full trains none; remove it',
      },
    ],
  },
)
