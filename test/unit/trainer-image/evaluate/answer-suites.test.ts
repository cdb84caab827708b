import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { ResolvedSuite } from '../../../../crds/resolved-spec.ts'
import {
  answerSuites,
  type ScoreSoFar,
} from '../../../../trainer-image/src/evaluate/answer-suites.ts'
import type { GenerateOptions, Generator } from '../../../../trainer-image/src/session/generator.ts'
import { StageStopped } from '../../../../trainer-image/src/stage-error.ts'

const aSuite = (change: Partial<ResolvedSuite> = {}): ResolvedSuite => ({
  name: 'held-out',
  type: 'Generation',
  metrics: ['exactMatch'],
  maxNewTokens: 4,
  maxExamples: 100,
  ...change,
})

const examples = ['a', 'b', 'c', 'd'].map((letter, index) => ({
  id: letter,
  slice: index < 2 ? 'first' : 'second',
  prompt: `say ${letter}`,
  reference: letter,
  promptTokens: Int32Array.of(index),
}))

/** The tuned model echoes its prompt, the base model says 0. */
const anEcho = () => {
  const asked: GenerateOptions[] = []
  const generator: Generator = {
    generate: async (prompts, options) => {
      asked.push(options)
      const answers = prompts.map(prompt => (options.model === 'tuned' ? prompt : Int32Array.of(0)))
      answers.forEach((answer, index) => {
        if (options.signal.aborted) throw new StageStopped('stopped while answering')
        options.onAnswer?.(index, answer)
        options.onProgress?.({ answers: index + 1, tokens: 2 * (index + 1) })
      })
      return answers
    },
    close: async () => {},
  }
  return { generator, asked }
}

const answer = (
  folder: string,
  generator: Generator,
  suites: readonly ResolvedSuite[],
  change: {
    signal?: AbortSignal
    report?: (activity: string, fraction: number) => void
    onScore?: (score: ScoreSoFar) => void
  } = {},
) => {
  let now = 0
  return answerSuites({
    suites,
    examples,
    generator,
    decode: tokens => 'abcd'[tokens[0] ?? 0] ?? '',
    folder,
    cacheBytes: 1000,
    signal: change.signal ?? new AbortController().signal,
    clock: () => now++,
    report: change.report ?? (() => {}),
    onScore: change.onScore ?? (() => {}),
  })
}

t.test('both models answer, and each answer is scored', async t => {
  const { generator } = anEcho()
  const answers = await answer(t.testdir(), generator, [aSuite()])
  t.match(answers.get('held-out')?.answers, [
    { id: 'a', base: 'a', tuned: 'a', scores: { exactMatch: { base: 1, tuned: 1 } } },
    { id: 'b', base: 'a', tuned: 'b', scores: { exactMatch: { base: 0, tuned: 1 } } },
    { id: 'c' },
    { id: 'd' },
  ])
  t.same(answers.get('held-out')?.speed.tuned, {
    answers: 4,
    tokens: 8,
    seconds: 1,
    tokensPerSecond: 8,
  })
})

t.test('a suite that names what the result stands behind is scored by the result', async t => {
  const { generator } = anEcho()
  const answers = await answer(t.testdir(), generator, [aSuite({ answerAfter: 'b' })])
  const [, second] = answers.get('held-out')?.answers ?? []
  t.match(second, { reference: 'b', scores: { exactMatch: { base: 0, tuned: 1 } } })
})

t.test('progress rises to the end and says who answers', async t => {
  const { generator } = anEcho()
  const seen: [string, number][] = []
  await answer(t.testdir(), generator, [aSuite(), aSuite({ name: 'short', maxExamples: 2 })], {
    report: (activity, fraction) => void seen.push([activity, fraction]),
  })
  t.ok(seen.every(([, fraction], index) => fraction >= (seen[index - 1]?.[1] ?? 0)))
  t.equal(seen.at(-1)?.[1], 1)
  const activities = seen.map(([activity]) => activity)
  t.ok(activities.includes('held-out: answering with the base model 3/4'))
  t.ok(activities.includes('short: answering with the tuned model 2/2'))
})

t.test('scores are told as the answers come, each answer scored once', async t => {
  const { generator } = anEcho()
  const folder = t.testdir()
  const means: Record<string, number[]> = { base: [], tuned: [] }
  const seen: [string, number][] = []
  const onScore = ({ suite, metric, model, mean }: ScoreSoFar) => {
    t.strictSame([suite, metric], ['held-out', 'exactMatch'])
    means[model]?.push(mean)
  }
  await answer(folder, generator, [aSuite()], {
    onScore,
    report: activity => {
      const [, model = '', count = ''] = /the (\w+) model (\d+)/.exec(activity) ?? []
      seen.push([model, (means[model]?.length ?? 0) - Number(count)])
    },
  })
  t.strictSame(means, { base: [1, 1 / 2, 1 / 3, 1 / 4], tuned: [1, 1, 1, 1] })
  t.ok(
    seen.every(([, late]) => late === 0),
    'with its answer, not after the last one',
  )

  await t.test('and those of an earlier try at once', async t => {
    const again = anEcho()
    means['base'] = []
    await answer(folder, again.generator, [aSuite()], { onScore })
    t.equal(again.asked.length, 0)
    t.equal(means['base'].length, 4)
  })
})

t.test('a suite asks for no more than its examples and tokens', async t => {
  const { generator, asked } = anEcho()
  const answers = await answer(t.testdir(), generator, [aSuite({ maxExamples: 3 })])
  t.equal(answers.get('held-out')?.answers.length, 3)
  t.match(asked, [
    { model: 'base', maxNewTokens: 4, cacheBytes: 1000 },
    { model: 'tuned', maxNewTokens: 4 },
  ])
})

t.test('a second try takes over the answers that were given', async t => {
  const folder = t.testdir()
  const controller = new AbortController()
  const stopped = anEcho()
  await t.rejects(
    answer(folder, stopped.generator, [aSuite()], {
      signal: controller.signal,
      report: activity => activity.includes('tuned model 1/') && controller.abort(),
    }),
    StageStopped,
  )
  t.same(await readdir(folder), ['answers-held-out-base.json'])
  const again = anEcho()
  await answer(folder, again.generator, [aSuite()])
  t.same(
    again.asked.map(({ model }) => model),
    ['tuned'],
  )

  t.test('but not those of a damaged file', async t => {
    await writeFile(join(folder, 'answers-held-out-base.json'), '{"answers":["a"')
    await writeFile(join(folder, 'answers-held-out-tuned.json'), '{"answers":["a"]}')
    const third = anEcho()
    await answer(folder, third.generator, [aSuite()])
    t.equal(third.asked.length, 2)
  })
})
