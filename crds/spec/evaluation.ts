/** `spec.evaluation`. */
import { defaulted, object, oneOf, optional, Type } from '../schema.ts'
import { DNS_LABEL } from '../patterns.ts'

const METRICS = ['exactMatch', 'tokenF1'] as const

const Suite = object({
  name: Type.String({
    minLength: 1,
    maxLength: 63,
    pattern: DNS_LABEL,
    description: 'Name in metrics and gates.',
  }),
  type: optional(
    oneOf(['Generation'], {
      default: 'Generation',
      description: '`Generation`: greedy answers to the validation examples against their outputs.',
    }),
  ),
  metrics: optional(
    Type.Array(oneOf(METRICS), {
      minItems: 1,
      maxItems: 2,
      default: [...METRICS],
      description: 'What is measured; the first is the main one.',
      'x-kubernetes-list-type': 'set',
    }),
  ),
  answerAfter: optional(
    Type.String({
      minLength: 1,
      maxLength: 64,
      description:
        'Compare only what stands behind the last of this text in its line: `####` for GSM8K. Numbers are compared by value, so that 2,125 is 2125. An answer with nothing there scores 0; a reference with nothing there is compared whole.',
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
      pattern: `^[a-z0-9]([-a-z0-9]*[a-z0-9])?/(${METRICS.join('|')})$`,
      description: '`<suite>/<metric>`.',
    }),
    atLeast: optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        description: 'Lowest allowed value of the tuned model; metrics are shares, 0 to 1.',
      }),
    ),
    improvesOnBaseBy: optional(
      Type.Number({
        minimum: -1,
        maximum: 1,
        description: 'Lowest allowed difference tuned − base; below 0 it may lose as much.',
      }),
    ),
    maxSliceGap: optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        description:
          'Largest allowed difference of the mean over slices and the worst slice. Needs `dataset.categoryColumn`.',
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

/** Within a list the API server fills in no default. */
const METRICS_OF_SUITE = `(has(s.metrics) ? s.metrics : [${METRICS.map(metric => `'${metric}'`).join(', ')}])`
const NAMES = `self.suites.exists(s, ${METRICS_OF_SUITE}.exists(m, s.name + '/' + m == g.metric))`

/** Lists of `<suite>/<metric>` in CEL; `join` would be cheaper to read, and its cost has no bound that the API server knows. */
const UNMEASURED = `self.gates.map(g, !${NAMES}, g.metric)`
const MEASURED = METRICS.map(
  metric => `self.suites.map(s, '${metric}' in ${METRICS_OF_SUITE}, s.name + '/${metric}')`,
).join(' + ')

export const Evaluation = defaulted(
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
        rule: `!has(self.gates) || self.gates.all(g, ${NAMES})`,
        message: 'every gate must name a metric of a suite, as <suite>/<metric>',
        messageExpression: `'no suite measures %s; the suites measure %s'.format([${UNMEASURED}, ${MEASURED}])`,
        fieldPath: '.gates',
      },
    ],
  },
)
