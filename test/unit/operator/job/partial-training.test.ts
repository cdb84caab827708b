import t from 'tap'
import { createStory } from '../../../fixtures/operator/story.ts'

const KEPT = { uri: 'pvc://models/home', publish: false }
const PUBLISHED = { uri: 'pvc://models/home' }
const gate = { metric: 'held-out/exactMatch', rule: 'atLeast' as const, threshold: 0.9, value: 0.3 }
const missed = {
  suites: {},
  gates: [{ ...gate, passed: false }],
  gatesPassed: false,
  score: 0.3,
}
const trained = (steps: number, more: object = {}) => ({
  training: {
    ...more,
    steps,
    tokens: 1,
    tokensPerSecond: 1,
    finalLoss: 1,
    seconds: 1,
    microBatchSeconds: 1,
  },
})

const cases = {
  'that stopped before its end': [{ maxSteps: 40, stopAfterSteps: 20 }, KEPT, 20, 'Succeeded'],
  'of so many epochs that stopped': [{ epochs: 3, stopAfterSteps: 20 }, KEPT, 20, 'Succeeded'],
  'that trained to its end': [{ maxSteps: 40 }, KEPT, 40, 'Failed'],
  'that stopped at its end': [{ maxSteps: 40, stopAfterSteps: 40 }, KEPT, 40, 'Failed'],
  'whose epochs ended before it stopped': [{ epochs: 1, stopAfterSteps: 90 }, KEPT, 40, 'Failed'],
  'that stopped and is published': [{ maxSteps: 40, stopAfterSteps: 20 }, PUBLISHED, 20, 'Failed'],
} as const

for (const [name, [training, output, steps, phase]] of Object.entries(cases))
  t.test(`gates that a training misses ${name}: ${phase}`, async t => {
    const story = createStory({ training, output }).look()
    story.succeeds(1, 'prepare').succeeds(1, 'train', trained(steps))
    story.succeeds(1, 'evaluate', { evaluation: missed })
    t.equal(story.status.phase, phase)
    t.equal(story.run?.score, 0.3)
    const told = phase === 'Failed' ? 'False' : undefined
    t.equal(story.condition('GatesPassed')?.status, told, 'nothing is said of what is not asked')
  })

t.test('gates are asked of a training that stopped early, also where it was to stop', async t => {
  const story = createStory({ training: { maxSteps: 40, stopAfterSteps: 20 }, output: KEPT }).look()
  story.succeeds(1, 'prepare')
  story.succeeds(1, 'train', trained(20, { stoppedEarly: true, bestStep: 10 }))
  t.match(story.run?.training, { step: 20, bestStep: 10, stoppedEarly: true })
  story.succeeds(1, 'evaluate', { evaluation: missed })
  t.equal(story.status.phase, 'Failed')
})

t.test('gates are asked once the training has gone on to its end', async t => {
  const stopped = { maxSteps: 40, stopAfterSteps: 20 }
  const story = createStory({ training: stopped, output: KEPT }).look()
  story.succeeds(1, 'prepare').succeeds(1, 'train', trained(20))
  story.succeeds(1, 'evaluate', { evaluation: missed })
  story.edit({ training: { maxSteps: 40 } }).look()
  story.succeeds(2, 'train', { ...trained(40), digest: 'whole' })
  story.succeeds(2, 'evaluate', { evaluation: missed })
  t.match(story.run, { phase: 'Failed', reason: 'GatesNotPassed', message: /measured 0\.3/ })
})
