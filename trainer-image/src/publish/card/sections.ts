/** The sections of a model card. */
import { publicUri } from '../sources.ts'
import type { SourceDigest } from '../provenance.ts'
import { count, duration, figure, metricName, percent } from '../report/format.ts'
import { baseOnHub, type CardFacts } from './card-facts.ts'
import { code, list, plain, table } from './markdown.ts'

const SLICES = 20

const score = (metric: string, value: number) =>
  /^(exactMatch|tokenF1|rouge|json|ifeval)/i.test(metric) ? percent(value) : figure(value)

const RULES = {
  atLeast: 'at least',
  improvesOnBaseBy: 'better than the base by at least',
  maxSliceGap: 'largest gap between slices',
} as const

export const evaluationSection = ({ evaluation, samples }: CardFacts): string => {
  const rows = Object.entries(evaluation.suites).flatMap(([suite, metrics]) => {
    const examples = Object.values(samples.counts[suite] ?? {}).reduce((sum, n) => sum + n, 0)
    return Object.entries(metrics).map(([metric, { base, tuned }]) => [
      plain(suite),
      plain(metricName(metric)),
      count(examples),
      score(metric, base),
      `**${score(metric, tuned)}**`,
    ])
  })
  const gates = evaluation.gates.map(
    ({ metric, rule, threshold, value, passed }) =>
      `${code(metric)}: ${RULES[rule]} ${figure(threshold)}, measured ${figure(value)}: ${passed ? 'holds' : 'does not hold'}`,
  )
  return [
    '## Evaluation',
    rows.length > 0
      ? table([['suite', 'metric', 'examples', 'base', 'tuned'], ...rows])
      : 'Nothing was measured: there were no held-out examples.',
    ...(gates.length > 0
      ? ['Gates that had to hold before anything was published:', list(gates)]
      : []),
  ].join('\n\n')
}

const source = ({ uri, revision, digest }: SourceDigest): string =>
  [
    code(publicUri(uri)),
    ...(revision === undefined ? [] : [`revision ${code(revision)}`]),
    ...(digest === undefined ? [] : [`sha256 ${code(digest)}`]),
  ].join(', ')

export const dataSection = ({ dataset, provenance }: CardFacts): string => {
  const counts = dataset
    ? [
        `${count(dataset.trainExamples)} training examples, ${count(dataset.validationExamples)} held out`,
        `${count(dataset.trainTokens)} tokens, of which ${count(dataset.responseTokens)} were learned`,
        `${count(dataset.duplicates)} duplicates, ${count(dataset.truncated)} shortened, ${count(dataset.dropped)} left out`,
      ]
    : []
  const slices = Object.entries(dataset?.slices ?? {}).slice(0, SLICES)
  return [
    '## Data',
    list([...counts, ...provenance.data.map(source)]),
    ...(slices.length > 1
      ? [table([['slice', 'examples'], ...slices.map(([name, n]) => [plain(name), count(n)])])]
      : []),
  ].join('\n\n')
}

const scalars = (section: object): readonly (readonly [string, string])[] =>
  Object.entries(section).flatMap(([key, value]): (readonly [string, string])[] => {
    if (value === undefined || value === null) return []
    if (Array.isArray(value)) return [[key, value.join(', ')]]
    if (typeof value === 'object')
      return scalars(value).map(([below, text]) => [`${key}.${below}`, text])
    return [[key, String(value)]]
  })

export const settingsSection = ({ provenance: { spec }, training }: CardFacts): string => {
  const settings = [...scalars({ method: spec.method }), ...scalars({ training: spec.training })]
  const ran = training
    ? [
        `${count(training.steps)} steps over ${count(training.tokens)} tokens in ${duration(training.seconds)}; final loss ${figure(training.finalLoss)}${
          training.validationLoss === undefined
            ? ''
            : `, ${figure(training.validationLoss)} on held-out examples`
        }.`,
      ]
    : []
  return [
    '## Training',
    ...ran,
    table([['setting', 'value'], ...settings.map(([key, value]) => [code(key), code(value)])]),
  ].join('\n\n')
}

export const limitsSection = (facts: CardFacts): string => {
  const { provenance, storedAs, dataset } = facts
  const suites = provenance.spec.evaluation.suites
  const longest = Math.max(0, ...suites.map(({ maxNewTokens }) => maxNewTokens))
  return [
    '## Limits',
    list([
      `Scores are of greedy answers of at most ${count(longest)} tokens to ${count(dataset?.validationExamples ?? 0)} held-out examples. Nothing else was measured: neither other tasks nor safety.`,
      `Trained on rows of at most ${count(provenance.spec.training.sequenceLength)} tokens.`,
      ...(storedAs === undefined
        ? []
        : [
            `The weights here are stored as ${storedAs}; the scores above are those of the tuned model in float32.`,
          ]),
      baseOnHub(facts) === undefined
        ? 'What holds for the base model holds here, its license included.'
        : 'What the card of the base model says holds here, its license included.',
    ]),
  ].join('\n\n')
}

export const provenanceSection = ({ provenance }: CardFacts): string => {
  const { job, key, versions, baseModel, startAdapter, publishedAt } = provenance
  return [
    '## Provenance',
    list([
      `Base model: ${source(baseModel)}`,
      ...(startAdapter ? [`Training began with the adapter ${source(startAdapter)}`] : []),
      `Run ${job.run} of ${code(`${job.namespace}/${job.name}`)}, published ${publishedAt}, content address ${code(key)}`,
      `Attune ${plain(versions.trainer)}, ONNX Runtime ${plain(versions.onnxruntime)}, Node.js ${plain(versions.node)}`,
      '`../provenance.json` has the whole specification, `../digests.json` the sha256 of every file, `../report.html` curves and examples.',
      '`attune run --reproduce ../provenance.json` trains it again.',
    ]),
  ].join('\n\n')
}
