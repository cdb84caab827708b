import { fileURLToPath } from 'node:url'
import t from 'tap'
import { parseAllDocuments } from 'yaml'
import { AttuneOperator } from '../../deploy/components/attune-operator.ts'
import { kubernetesObjects, type RegisteredObject, registeredBy } from '../../deploy/render.ts'
import { binary, ensureBinaries } from '../cluster/binaries.ts'
import { run } from '../cluster/run-command.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'

const CHART = fileURLToPath(new URL('../../charts/attune', import.meta.url))
const NAMESPACE = 'attune-installation'

const chartObjects = async (
  ...options: string[]
): Promise<Readonly<Record<string, RegisteredObject>>> => {
  await ensureBinaries(['helm'])
  const text = await run(
    binary('helm'),
    ['template', 'attune', CHART, '--namespace', NAMESPACE, '--kube-version', '1.35.4', ...options],
    {
      timeoutMs: 60_000,
    },
  )
  const objects = parseAllDocuments(text).map(
    document => document.toJS() as RegisteredObject | null,
  )
  return Object.fromEntries(
    objects
      .filter(object => object !== null)
      .map(object => [`${object.kind}/${object.metadata.name}`, object] as const)
      .toSorted(([a], [b]) => a.localeCompare(b)),
  )
}

const pulumiObjects = async () =>
  kubernetesObjects(
    await registeredBy(() => new AttuneOperator('attune', { namespace: NAMESPACE })),
  )

t.test('chart and Pulumi component install equal objects', async t => {
  const fromChart = await chartObjects()
  const fromPulumi = await pulumiObjects()
  t.strictSame(Object.keys(fromPulumi), Object.keys(fromChart))
  for (const [name, object] of Object.entries(fromChart))
    t.strictSame(fromPulumi[name], object, name)
})

t.test('the API server takes every object of both, strictly', async t => {
  await kubectl(['create', 'namespace', NAMESPACE])
  t.teardown(() => kubectl(['delete', 'namespace', NAMESPACE, '--wait=false']))
  for (const [from, objects] of [
    ['chart', await chartObjects()],
    ['Pulumi', await pulumiObjects()],
  ] as const) {
    const items = { apiVersion: 'v1', kind: 'List', items: Object.values(objects) }
    const printed = await kubectl(
      [
        'apply',
        '--server-side',
        '--force-conflicts',
        '--dry-run=server',
        '--validate=strict',
        '-f',
        '-',
      ],
      JSON.stringify(items),
    )
    t.equal(printed.trim().split('\n').length, Object.keys(objects).length, from)
  }
})

t.test('PodMonitors come where their kind is known', async t => {
  const objects = await chartObjects('--api-versions', 'monitoring.coreos.com/v1/PodMonitor')
  t.ok(objects['PodMonitor/attune-operator'])
  t.ok(objects['PodMonitor/attune-trainer'])
  t.notOk((await chartObjects())['PodMonitor/attune-operator'])
})
