/** `spec.method`. */
import { defaulted, object, oneOf, optional, Type } from '../schema.ts'

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

export const METHOD_TYPES = ['LoRA', 'QLoRA'] as const

export const Method = defaulted(
  {
    type: optional(
      oneOf(METHOD_TYPES, {
        default: 'LoRA',
        description:
          'How weights are changed. `QLoRA` is LoRA on linear layers that are kept in few bits.',
      }),
    ),
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
    ],
  },
)
