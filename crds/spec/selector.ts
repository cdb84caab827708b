/** `spec.model.selector`: what a model of the catalogue must be, and what is weighed among those that are. */
import { object, optional, type Static, Type } from '../schema.ts'
import { scaledCount } from './scaled-count.ts'

const LIST_MAX = 32
const WEIGHT_MAX = 1000

/** Criteria that are no benchmarks. */
export const CRITERIA = [
  'parameters',
  'contextLength',
  'pretrainingTokens',
  'domainDiversity',
  'languages',
] as const
/** `benchmarks.mmlu` weighs the figure `mmlu`. */
export const BENCHMARK_PREFIX = 'benchmarks.'

const words = (maxLength: number, description: string) =>
  optional(
    Type.Array(Type.String({ minLength: 1, maxLength }), {
      minItems: 1,
      maxItems: LIST_MAX,
      description,
      'x-kubernetes-list-type': 'set',
    }),
  )

const numbers = (bounds: { readonly minimum: number; readonly maximum: number }, more: object) =>
  Type.Unsafe<Readonly<Record<string, number>>>({
    type: 'object',
    additionalProperties: { type: 'number', ...bounds },
    maxProperties: LIST_MAX,
    ...more,
  })

/** A model that does not publish a fact does not meet a requirement on it. */
const Require = object(
  {
    maxParameters: optional(scaledCount('Most parameters, such as `1B`.')),
    minContextLength: optional(
      Type.Integer({ minimum: 1, maximum: 1 << 30, description: 'Least context in tokens.' }),
    ),
    licenses: words(128, 'Licenses of which it must have one, such as `apache-2.0`.'),
    languages: words(35, 'Languages (BCP 47, such as `en`) that it must know, all of them.'),
    architectures: words(
      128,
      'Architectures of which it must have one, such as `LlamaForCausalLM`. One that the trainer cannot tune is never chosen.',
    ),
    minBenchmarks: optional(
      numbers(
        { minimum: 0, maximum: 1 },
        { description: 'Least figure by benchmark, such as `ifeval: 0.25`.' },
      ),
    ),
    tuned: optional(
      Type.Boolean({
        description: 'true: only models that follow instructions; false: only others.',
      }),
    ),
  },
  { description: 'What it must be. A model that does not publish a fact does not meet it.' },
)

const isCriterion = (key: string) =>
  `${key} in [${CRITERIA.map(name => `'${name}'`).join(', ')}] || (${key}.startsWith('${BENCHMARK_PREFIX}') && size(${key}) > ${BENCHMARK_PREFIX.length})`

export const Selector = object(
  {
    require: optional(Require),
    weights: numbers(
      { minimum: -WEIGHT_MAX, maximum: WEIGHT_MAX },
      {
        description: `Weight by criterion; a negative one prefers less. Criteria: ${CRITERIA.map(name => `\`${name}\``).join(', ')} and \`${BENCHMARK_PREFIX}<name>\`. Each figure is put on a scale from 0 to 1 among the models that fit; the highest weighted sum is chosen.`,
        'x-kubernetes-validations': [
          { rule: 'size(self) > 0', message: 'give at least one criterion' },
          {
            rule: `self.all(key, ${isCriterion('key')})`,
            message: `criteria are ${CRITERIA.join(', ')} and ${BENCHMARK_PREFIX}<name>`,
          },
        ],
      },
    ),
  },
  { description: 'The BaseModel that fits best is chosen, and kept for the run.' },
)

export type ModelSelector = Static<typeof Selector>
