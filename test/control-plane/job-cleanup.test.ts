import t from 'tap'
import { attune } from '../fixtures/cli/attune.ts'
import { controlPlane } from '../fixtures/cluster/control-plane.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { type TuningCluster, tuningCluster } from '../fixtures/operator/tuning-cluster.ts'

/** The garbage collector learns of a new kind of owner at most every 30 s. */
const COLLECTED = { timeoutMs: 180_000 }
const COSTLY = ['jobs', 'pods', 'persistentvolumeclaims', 'networkpolicies'] as const
const KINDS = [...COSTLY, 'configmaps'] as const
const FENCED = { networkPolicyFrom: ['attune-system'] }
const STAGES = ['prepare', 'train', 'evaluate', 'publish'] as const

const nothingLeft = (cluster: TuningCluster, kinds: readonly (typeof KINDS)[number][] = KINDS) =>
  eventually(async () => {
    for (const kind of kinds) {
      const names = await cluster.names(kind)
      if (names.length > 0) throw new Error(`left: ${names.join(', ')}`)
    }
  }, COLLECTED)

t.test('some time after its end a job holds no resources, and is still there', async t => {
  const cluster = await tuningCluster(t)
  await cluster.operator(FENCED)
  await cluster.submit({ ttlSecondsAfterFinished: 1 })
  for (const stage of STAGES) await cluster.kubelet.succeeds(1, stage)
  const { status } = await cluster.phase('Succeeded')
  await t.resolves(nothingLeft(cluster, COSTLY))
  const after = await cluster.get()
  t.strictSame(after.status, status)

  await t.test('a new run prepares again, for the workspace is gone', async t => {
    await cluster.submit({ ttlSecondsAfterFinished: 1, training: { seed: 7 } })
    await cluster.kubelet.starts(2, 'prepare')
    t.equal((await cluster.phase('Preparing')).status?.run, 2)
    await eventually(async () => {
      const fences = await cluster.names('networkpolicies')
      if (fences.length !== 2) throw new Error(`there are ${fences.join(', ')}`)
    })
  })

  await t.test('and attune diff compares both when they are gone again', async t => {
    for (const stage of STAGES) await cluster.kubelet.succeeds(2, stage)
    await t.resolves(nothingLeft(cluster, COSTLY))
    const { kubeconfig } = await controlPlane()
    const at = ['-n', cluster.namespace, '--kubeconfig', kubeconfig]
    const { code, stdout } = await attune(['diff', cluster.name, 'run-1', 'run-2', ...at]).ended
    t.equal(code, 0)
    t.match(stdout, /training\.seed +\d+ +7/)
  })
})

t.test('deleting a job leaves nothing', async t => {
  const cluster = await tuningCluster(t)
  await cluster.operator(FENCED)
  await cluster.submit()
  await cluster.kubelet.succeeds(1, 'prepare')
  await cluster.kubelet.starts(1, 'train')
  await kubectl(['delete', `itj/${cluster.name}`, '-n', cluster.namespace, '--timeout=120s'])
  await t.resolves(nothingLeft(cluster))
})
