import t from 'tap'
import { readProgress, trainingStatus } from '../../../../operator/src/job/progress.ts'
import { readStageResult } from '../../../../operator/src/job/stage-result.ts'
import { aResult } from '../../../fixtures/operator/tuning-job.ts'

t.test('a result is read as it was written', async t => {
  for (const stage of ['prepare', 'train', 'evaluate', 'publish'] as const) {
    const result = aResult(stage)
    t.strictSame(readStageResult(JSON.stringify(result), stage), result, stage)
  }
})

t.test('what is no result is none', async t => {
  const cases = {
    nothing: undefined,
    'an empty message': '',
    'no JSON': 'Killed',
    'a number': '3',
    null: 'null',
    'a list': '[]',
    'another stage': JSON.stringify(aResult('train')),
    'no outcome': JSON.stringify({ ...aResult('prepare'), outcome: undefined }),
    'an unknown outcome': JSON.stringify({ ...aResult('prepare'), outcome: 'Perfect' }),
    'more than Kubernetes keeps': JSON.stringify({
      ...aResult('prepare'),
      message: 'x'.repeat(4096),
    }),
    'deeply nested': '['.repeat(2000),
  }
  for (const [name, message] of Object.entries(cases))
    t.equal(readStageResult(message, 'prepare'), undefined, name)
})

t.test('parts that cannot be are left out', async t => {
  const read = (change: object) =>
    readStageResult(JSON.stringify({ ...aResult('train'), ...change }), 'train')
  t.equal(read({ reason: 'Pwned' })?.reason, undefined)
  t.equal(read({ digest: { a: 1 } })?.digest, undefined)
  t.equal(read({ training: { steps: 'many' } })?.training, undefined)
  t.equal(
    read({ training: { ...aResult('train').training, finalLoss: null } })?.training,
    undefined,
  )
  t.equal(read({ message: 'x'.repeat(2000) })?.message?.length, 1024)
  t.strictSame(read({ artifacts: [{ uri: 1 }, 'x'] })?.artifacts, [])
  t.equal(read({ extra: 1 } as object) && 'extra' in (read({ extra: 1 }) as object), false)
})

t.test('counts are whole and not negative', async t => {
  const dataset = aResult('prepare').dataset
  const read = (change: object) =>
    readStageResult(
      JSON.stringify(aResult('prepare', { dataset: { ...dataset!, ...change } })),
      'prepare',
    )?.dataset
  t.equal(read({ rows: 2.4 })?.rows, 2)
  t.equal(read({ rows: -1 }), undefined)
  t.equal(read({ rows: 1e300 }), undefined)
})

const progress = {
  stage: 'train',
  activity: 'training',
  fraction: 0.5,
  training: { step: 5, totalSteps: 10, loss: 1.5, tokensPerSecond: 10, microBatchSeconds: 2 },
}

t.test('progress', async t => {
  t.match(readProgress(progress), progress)
  const unreadable = {
    'no object': 'training',
    'an unknown stage': { ...progress, stage: 'dance' },
    'a fraction above one': { ...progress, fraction: 2 },
    'no fraction': { ...progress, fraction: 'half' },
  }
  for (const [name, body] of Object.entries(unreadable))
    t.equal(readProgress(body), undefined, name)
  const training = (change: object) =>
    readProgress({ ...progress, training: { ...progress.training, ...change } })?.training
  t.equal(training({ step: 11 }), undefined, 'a step above the total')
  t.equal(training({ loss: null })?.loss, undefined)
  t.equal(training({ tokensPerSecond: -4 })?.tokensPerSecond, undefined)
  t.equal(training({ etaSeconds: '5' })?.etaSeconds, undefined)
})

t.test('the longest micro-batch stays in status', async t => {
  const first = trainingStatus(undefined, { step: 1, totalSteps: 9, microBatchSeconds: 7 })
  const second = trainingStatus(first, { step: 2, totalSteps: 9, microBatchSeconds: 3 })
  t.equal(second.microBatchSeconds, 7)
  t.equal(second.progress, '2/9')
})
