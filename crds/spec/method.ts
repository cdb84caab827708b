/** `spec.method`. */
import { defaulted, oneOf, optional, Type } from '../schema.ts'

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

export const METHOD_TYPES = ['LoRA'] as const

export const Method = defaulted(
  {
    type: optional(
      oneOf(METHOD_TYPES, { default: 'LoRA', description: 'How weights are changed.' }),
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
  },
  { description: 'The tuning method.' },
)
