/** Has both models answer every suite's examples, and scores the answers. */
import type { ResolvedSuite } from '@attune/crds/resolved-spec.ts'
import type { GenerationExample } from '../data/prepared.ts'
import type { Generator } from '../session/generator.ts'
import { runningScores } from './running-scores.ts'
import { type GivenAnswers, loadAnswers, saveAnswers } from './saved-answers.ts'
import { pairScores, type ScoredAnswer, type TextScores } from './suite-scores.ts'
import type { MetricName } from './text-metrics.ts'

export const MODELS = ['base', 'tuned'] as const
export type ModelName = (typeof MODELS)[number]

/** Mean of a metric over the answers that a model has given to a suite so far. */
export type ScoreSoFar = {
  readonly suite: string
  readonly metric: MetricName
  readonly model: ModelName
  readonly mean: number
}

export type AnswerOptions = {
  readonly suites: readonly ResolvedSuite[]
  readonly examples: readonly GenerationExample[]
  readonly generator: Generator
  readonly decode: (tokens: Int32Array) => string
  /** folder for answers that a later try may reuse */
  readonly folder: string
  readonly cacheBytes: number
  readonly signal: AbortSignal
  readonly clock: () => number
  readonly report: (activity: string, fraction: number) => void
  /** called for each metric as answers come */
  readonly onScore: (score: ScoreSoFar) => void
}

export type ModelSpeed = {
  readonly answers: number
  readonly tokens: number
  readonly seconds: number
  readonly tokensPerSecond: number
}
export type SuiteAnswers = {
  readonly answers: readonly ScoredAnswer[]
  readonly speed: Readonly<Record<ModelName, ModelSpeed>>
}

const speedOf = ({ answers, tokens, seconds }: GivenAnswers): ModelSpeed => ({
  answers: answers.length,
  tokens,
  seconds,
  tokensPerSecond: seconds > 0 ? tokens / seconds : 0,
})

/** An answer counts when it ends; within the first ones, tokens show that something moves. */
const shareDone = (answers: number, tokens: number, count: number, maxNewTokens: number): number =>
  Math.max(answers / count, Math.min(1, tokens / (count * maxNewTokens)))

type Report = (share: number, answers: number) => void

const answerWith = async (
  model: ModelName,
  suite: ResolvedSuite,
  examples: readonly GenerationExample[],
  options: AnswerOptions,
  report: Report,
  onText: (index: number, text: string) => void,
): Promise<GivenAnswers> => {
  const { folder, generator, clock } = options
  const saved = await loadAnswers(folder, suite.name, model, examples.length)
  if (saved) return saved
  const started = clock()
  const texts: string[] = []
  let made = 0
  await generator.generate(
    examples.map(example => example.promptTokens),
    {
      model,
      maxNewTokens: suite.maxNewTokens,
      signal: options.signal,
      cacheBytes: options.cacheBytes,
      onAnswer: (index, tokens) => {
        const text = options.decode(tokens)
        texts[index] = text
        onText(index, text)
      },
      onProgress: done => {
        made = done.tokens
        const share = shareDone(done.answers, made, examples.length, suite.maxNewTokens)
        report(share, done.answers)
      },
    },
  )
  const given = { answers: texts, tokens: made, seconds: clock() - started }
  await saveAnswers(folder, suite.name, model, given)
  return given
}

/** Scores follow the answers while they come; those of an earlier try are scored at once. */
const scoredAnswersOf = async (
  model: ModelName,
  suite: ResolvedSuite,
  examples: readonly GenerationExample[],
  options: AnswerOptions,
  report: Report,
): Promise<{ readonly given: GivenAnswers; readonly scores: readonly TextScores[] }> => {
  const scoreOf = runningScores({
    references: examples.map(example => example.reference),
    scoring: suite,
    onMean: (metric, mean) => options.onScore({ suite: suite.name, metric, model, mean }),
  })
  const given = await answerWith(model, suite, examples, options, report, scoreOf)
  return { given, scores: given.answers.map((text, index) => scoreOf(index, text)) }
}

const answerSuite = async (
  suite: ResolvedSuite,
  options: AnswerOptions,
  report: (model: ModelName, share: number, answers: number, count: number) => void,
): Promise<SuiteAnswers> => {
  const examples = options.examples.slice(0, suite.maxExamples)
  const count = examples.length
  const ask = (model: ModelName) => {
    report(model, 0, 0, count)
    return scoredAnswersOf(model, suite, examples, options, (share, answers) =>
      report(model, share, answers, count),
    )
  }
  const base = await ask('base')
  const tuned = await ask('tuned')
  const answers = examples.map(({ id, slice, prompt, reference }, index) => ({
    ...{ id, slice, prompt, reference },
    base: base.given.answers[index] ?? '',
    tuned: tuned.given.answers[index] ?? '',
    scores: pairScores(base.scores[index] ?? {}, tuned.scores[index] ?? {}),
  }))
  return { answers, speed: { base: speedOf(base.given), tuned: speedOf(tuned.given) } }
}

/** @returns suite → its answers, in the order of the suites; throws `StageStopped` when aborted */
export const answerSuites = async (
  options: AnswerOptions,
): Promise<ReadonlyMap<string, SuiteAnswers>> => {
  const { suites } = options
  const done = new Map<string, SuiteAnswers>()
  for (const [index, suite] of suites.entries()) {
    const report = (model: ModelName, share: number, answers: number, count: number) => {
      const part = index * MODELS.length + MODELS.indexOf(model) + share
      options.report(
        `${suite.name}: answering with the ${model} model ${answers}/${count}`,
        part / (suites.length * MODELS.length),
      )
    }
    done.set(suite.name, await answerSuite(suite, options, report))
  }
  return done
}
