import t from 'tap'
import type { Progress, TrainingProgress } from '../../../../crds/stage.ts'
import { bar, barLine, plainLine } from '../../../../cli/src/view/progress-text.ts'
import { createProgressView } from '../../../../cli/src/view/progress-view.ts'

const TRAINING: TrainingProgress = {
  step: 120,
  totalSteps: 400,
  epoch: 0.6,
  loss: 1.23456,
  learningRate: 1e-3,
  gradientNorm: 1,
  tokensPerSecond: 812.4,
  etaSeconds: 130,
  microBatchSeconds: 1,
}
const training: Progress = {
  stage: 'train',
  activity: 'training',
  fraction: 0.3,
  training: TRAINING,
}
const preparing: Progress = { stage: 'prepare', activity: 'downloading model', fraction: 0.5 }

t.test('a bar is full by its fraction and never longer than its width', async t => {
  const cases: readonly (readonly [number, string])[] = [
    [0, '░░░░'],
    [0.5, '██░░'],
    [1, '████'],
    [1.5, '████'],
    [-1, '░░░░'],
  ]
  for (const [fraction, text] of cases) t.equal(bar(fraction, 4), text, String(fraction))
})

t.test('a line has step, loss, speed and time left', async t => {
  const words = '120/400  loss 1.2346  812 tokens/s  2 min 10 s left'
  t.equal(plainLine(training), `train     30%  ${words}`)
  t.equal(barLine(training, 200), `train    ███████░░░░░░░░░░░░░░░░░  30%  ${words}`)
})

t.test('a validation loss is shown once there is one', async t => {
  const measured = { ...training, training: { ...TRAINING, validationLoss: 0.5 } }
  t.match(plainLine(measured), 'loss 1.2346  validation 0.5000')
})

t.test('the best step is shown where validations are compared', async t => {
  const compared = { ...TRAINING, validationLoss: 0.5, bestStep: 100, bestValidationLoss: 0.4 }
  t.match(plainLine({ ...training, training: compared }), 'validation 0.5000  best at 100')
})

t.test('other stages say what they do', async t => {
  t.equal(plainLine(preparing), 'prepare   50%  downloading model')
  t.equal(
    plainLine({ ...preparing, etaSeconds: 5 }),
    'prepare   50%  downloading model  5.0 s left',
  )
  const loading = { ...training, activity: 'loading', training: { ...TRAINING, step: 0 } }
  t.match(plainLine(loading), 'loading', 'before the first step there is no loss')
})

t.test('a narrow terminal goes without whole parts, the bar first', async t => {
  const measured = { ...training, training: { ...TRAINING, validationLoss: 0.5 } }
  const cases: Readonly<Record<number, string>> = {
    111: 'train    ███████░░░░░░░░░░░░░░░░░  30%  120/400  loss 1.2346  validation 0.5000  812 tokens/s  2 min 10 s left',
    110: 'train     30%  120/400  loss 1.2346  validation 0.5000  812 tokens/s  2 min 10 s left',
    80: 'train     30%  120/400  loss 1.2346  validation 0.5000  2 min 10 s left',
    70: 'train     30%  120/400  loss 1.2346  2 min 10 s left',
    50: 'train     30%  120/400  2 min 10 s left',
    30: 'train     30%  120/400',
    1: 'train     30%',
  }
  for (const [columns, line] of Object.entries(cases))
    t.equal(barLine(measured, Number(columns)), line, columns)
})

t.test('no width cuts a word', async t => {
  const said = { ...preparing, activity: 'downloading model, 1,234 MiB', etaSeconds: 9 }
  for (const progress of [training, said]) {
    const words = new Set(barLine(progress, 200).split(' '))
    for (let columns = 1; columns < 120; columns++) {
      const line = barLine(progress, columns)
      t.ok([...line].length <= Math.max(20, columns - 1), `${columns}: ${line}`)
      t.ok(
        line.split(' ').every(word => words.has(word)),
        `${columns}: ${line}`,
      )
    }
  }
})

const screen = (isTTY: boolean) => {
  const written: string[] = []
  return {
    written,
    output: { isTTY, columns: 80, write: (text: string) => Boolean(written.push(text)) },
  }
}

t.test('a terminal redraws one line', async t => {
  const { written, output } = screen(true)
  const view = createProgressView(output)
  view.update(training)
  view.say('done')
  t.ok(written[0]?.startsWith('\r\u001b[2Ktrain '))
  t.notOk(written[0]?.includes('\n'))
  t.equal(written[1], '\r\u001b[2Kdone\n')
})

t.test('elsewhere a line is written every five seconds, and at once for something new', async t => {
  const { written, output } = screen(false)
  let now = 0
  const view = createProgressView(output, () => now)
  view.update(preparing)
  now = 4999
  view.update({ ...preparing, fraction: 0.6 })
  t.equal(written.length, 1)
  view.update({ ...preparing, activity: 'tokenizing' })
  t.equal(written.length, 2)
  now += 5000
  view.update({ ...preparing, activity: 'tokenizing', fraction: 0.7 })
  t.strictSame(written.slice(2), ['prepare   70%  tokenizing\n'])
})

t.test('every attempt at a download is something new', async t => {
  const { written, output } = screen(false)
  const view = createProgressView(output, () => 0)
  for (const [attempt, wait] of [
    [1, 1],
    [2, 2],
  ])
    view.update({
      ...preparing,
      activity: `model: HTTP 503, attempt ${attempt} of 6, next in ${wait} s`,
    })
  t.strictSame(written, [
    'prepare   50%  model: HTTP 503, attempt 1 of 6, next in 1 s\n',
    'prepare   50%  model: HTTP 503, attempt 2 of 6, next in 2 s\n',
  ])
})

t.test('a count that moves is nothing new', async t => {
  const { written, output } = screen(false)
  const view = createProgressView(output, () => 0)
  for (const done of [1, 2, 84]) view.update({ ...preparing, activity: `answering ${done}/84` })
  t.strictSame(written, ['prepare   50%  answering 1/84\n'])
  for (const mebibytes of [16, 32])
    view.update({ ...preparing, activity: `downloading model, ${mebibytes} MiB` })
  t.strictSame(written.slice(1), ['prepare   50%  downloading model, 16 MiB\n'])
})
