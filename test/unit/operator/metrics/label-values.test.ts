import t from 'tap'
import { createOperatorMetrics } from '../../../../operator/src/metrics/operator-metrics.ts'

const none = () => []
const COUNTER = 'attune_accelerator_seconds_total'

t.test('however many resources tenants name, so many are told apart', async t => {
  const { jobMeter, registry } = createOperatorMetrics({
    jobs: none,
    experiments: none,
    experimentTrials: none,
    datasets: none,
  })
  for (let i = 0; i < 2000; i += 1) jobMeter.used('team-a', `example.com/x-${i}`, 1)
  jobMeter.used('team-a', 'example.com/x-0', 1)
  const { values } = (await registry.getSingleMetric(COUNTER)?.get()) ?? { values: [] }
  const seconds = new Map(values.map(({ labels, value }) => [labels['resource'], value]))
  t.equal(seconds.size, 16)
  t.equal(seconds.get('example.com/x-0'), 2)
  t.equal(seconds.get('example.com/x-14'), 1)
  t.equal(seconds.get('other'), 1985, 'nothing is lost')
})
