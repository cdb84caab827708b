import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { LEASE } from '../../operator/src/kube/lease.ts'
import { controlPlane } from '../fixtures/cluster/control-plane.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { tuningCluster } from '../fixtures/operator/tuning-cluster.ts'

const MAIN = fileURLToPath(new URL('../../operator/src/main.ts', import.meta.url))

const start = (args: readonly string[]) => {
  const child: ChildProcess = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', chunk => {
    stdout += chunk
  })
  child.stderr?.on('data', chunk => {
    stderr += chunk
  })
  const ended = once(child, 'close').then(([code]) => ({ code, stdout, stderr }))
  return { child, ended, stdout: () => stdout }
}

t.test('the process works until SIGTERM and gives the lease away', async t => {
  const { kubeconfig } = await controlPlane()
  const cluster = await tuningCluster(t)
  const { namespace } = cluster
  const { child, ended, stdout } = start([
    ...['--kubeconfig', kubeconfig, '--namespaces', namespace, '--trainer-image', 'a/trainer'],
    ...['--leader-elect', `--leader-namespace=${namespace}`],
    ...['--metrics-port=0', '--health-port=0', '--log-level=debug'],
  ])
  t.teardown(() => {
    child.kill('SIGKILL')
  })
  await cluster.submit()
  await cluster.kubelet.succeeds(1, 'prepare')
  await cluster.kubelet.starts(1, 'train')
  await cluster.phase('Training')
  const holder = async () =>
    (await cluster.client.get(LEASE, { name: 'attune-operator', namespace })).spec?.holderIdentity
  t.ok(await holder())

  const lines = () =>
    stdout()
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line) as { level: string; msg: string; metricsPort?: number })
  const port = await eventually(() => {
    const found = lines().find(({ msg }) => msg === 'started')?.metricsPort
    if (!found) throw new Error('has not said that it started')
    return found
  })
  const count = `attune_jobs{namespace="${namespace}",phase="Training"} 1`
  // the operator's own watch may tell of it a little later than a read does
  await eventually(async () => {
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    if (!metrics.includes(count)) throw new Error(`no ${count} in ${metrics}`)
  })

  child.kill('SIGTERM')
  const { code, stderr } = await ended
  t.equal(code, 0)
  t.equal(stderr, '')
  t.equal((await holder()) ?? '', '')
  t.strictSame(
    lines().filter(({ level }) => level === 'error' || level === 'fatal'),
    [],
    'nothing went wrong on the way',
  )
})

t.test('a flag that cannot be ends it with the reason and no stack', async t => {
  const { code, stderr, stdout } = await start(['--workers', 'many', '--trainer-image=x']).ended
  t.equal(code, 64)
  t.equal(stdout, '')
  t.equal(stderr, '--workers: "many" is no number within 1…64\n')
})

t.test('a cluster that cannot be found ends it with the reason and no stack', async t => {
  const { code, stderr } = await start(['--trainer-image=x', '--kubeconfig=/nowhere']).ended
  t.equal(code, 1)
  t.match(stderr, /nowhere/)
  t.notMatch(stderr, /\n {4}at /)
})
