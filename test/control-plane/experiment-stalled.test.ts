import t from 'tap'
import { type InstructionTuningJob, Pods } from '../../operator/src/job/kinds.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { experimentCluster, scored } from '../fixtures/operator/experiment-cluster.ts'
import { aPolicy, applied, unguarded } from '../fixtures/policy/admission.ts'

const TRIALS = [1, 2, 3]

const isHeld = ({ status }: InstructionTuningJob) =>
  status?.conditions?.some(
    ({ type, reason }) => type === 'Stalled' && reason === 'PolicyViolation',
  ) === true

t.test('trials that one policy holds go on one by one once it is gone', async t => {
  const cluster = await experimentCluster(t)
  const { client, namespace } = cluster
  const policy = `${namespace}-none`
  await unguarded(namespace)
  await applied(t, [aPolicy(policy, { allowedOutputs: [] }, namespace)])
  await cluster.operator()
  await cluster.submit({
    parameters: [{ path: 'training.seed', values: TRIALS }],
    strategy: { type: 'Grid' },
    parallelTrials: 1,
    publish: 'None',
  })
  for (const trial of TRIALS) await cluster.untilJob(trial, isHeld)
  await cluster.until(({ status }) => status?.phase === 'Failed', 'not all of its trials are held')

  await kubectl(['delete', 'tuningpolicy', policy])
  const goOn = () =>
    eventually(async () => {
      const jobs = await cluster.jobs()
      const going = jobs.filter(
        ({ spec, status }) => spec?.suspend !== true && status?.phase !== 'Succeeded',
      )
      if (going.length !== 1) throw new Error(`${going.length} trials go on`)
      const waiting = jobs.filter(({ status }) => status?.phase === 'Suspended')
      const ended = jobs.filter(({ status }) => status?.phase === 'Succeeded')
      if (waiting.length + ended.length !== TRIALS.length - 1) throw new Error('the rest moves')
      const { items } = await client.list(Pods, { namespace })
      const pods = items.filter(
        ({ metadata, status }) => !metadata.deletionTimestamp && status?.phase === 'Pending',
      )
      if (pods.length !== 1) throw new Error(`${pods.length} pods wait for a node`)
      return Number(going[0]?.metadata.labels?.['attune.dev/trial'])
    })
  const order: number[] = []
  for (const _ of TRIALS) {
    const trial = await goOn()
    order.push(trial)
    await cluster.runs(trial, 1, ['prepare', 'train', 'evaluate'], { evaluate: scored(0.5) })
    await cluster.untilJob(trial, ({ status }) => status?.phase === 'Succeeded')
  }
  t.strictSame(order.toSorted(), TRIALS)
  const { status } = await cluster.until(
    ({ status }) => status?.phase === 'Succeeded',
    'it has not succeeded',
  )
  t.match(status?.counts, { succeeded: 3, failed: 0 })
})
