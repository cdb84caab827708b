import t from 'tap'
import { countPhases, countTrials } from '../../../../operator/src/metrics/count-phases.ts'

const object = (namespace: string, phase?: string) => ({
  metadata: { namespace },
  ...(phase ? { status: { phase } } : {}),
})

t.test('counts objects by namespace and phase; without a phase they are pending', async t => {
  const objects = [
    object('a'),
    object('a', 'Pending'),
    object('b', 'Training'),
    object('a', 'Training'),
  ]
  t.strictSame(countPhases(objects), [
    { namespace: 'a', phase: 'Pending', count: 2 },
    { namespace: 'a', phase: 'Training', count: 1 },
    { namespace: 'b', phase: 'Training', count: 1 },
  ])
  t.strictSame(countPhases([]), [])
})

t.test('adds up the trials that the experiments of a namespace have counted', async t => {
  const experiment = (namespace: string, waiting: number, failed: number) => {
    const rest = { running: 1, succeeded: 0, stopped: 0, total: waiting + failed + 1 }
    return { metadata: { namespace }, status: { counts: { ...rest, waiting, failed } } }
  }
  const counted = countTrials([
    experiment('a', 2, 0),
    experiment('a', 3, 1),
    experiment('b', 0, 4),
    { metadata: { namespace: 'c' } },
  ])
  const of = (namespace: string) =>
    Object.fromEntries(
      counted
        .filter(each => each.namespace === namespace)
        .map(({ phase, count }) => [phase, count]),
    )
  t.strictSame(of('a'), { Waiting: 5, Running: 2, Succeeded: 0, Failed: 1, Stopped: 0 })
  t.strictSame(of('b'), { Waiting: 0, Running: 1, Succeeded: 0, Failed: 4, Stopped: 0 })
  t.strictSame(of('c'), {}, 'one that was not looked at yet')
})
