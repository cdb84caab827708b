import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseAllDocuments } from 'yaml'
import { Workloads } from '../../../operator/src/job/queue/workload.ts'

const FOLDER = join(import.meta.dirname, '../../../examples/kueue')

type Queue = { readonly namespaceSelector: { readonly matchLabels: Record<string, string> } }
type Group = { readonly coveredResources: string[]; readonly flavors: { readonly name: string }[] }
type Example = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels?: Record<string, string> }
  readonly spec: Queue & { readonly clusterQueue: string; readonly resourceGroups: Group[] }
}

const objects = ['cluster.yaml', 'tenant.yaml'].flatMap(file =>
  parseAllDocuments(readFileSync(join(FOLDER, file), 'utf8')).map(one => one.toJS() as Example),
)
const named = (kind: string) => objects.filter(object => object.kind === kind)
const [queue] = named('ClusterQueue')
const [group] = queue?.spec.resourceGroups ?? []

t.test('they are of the version that the operator reads', async t => {
  const versions = new Set(objects.map(({ apiVersion }) => apiVersion))
  t.strictSame([...versions], [`${Workloads.group}/${Workloads.version}`, 'v1'])
})

t.test('names lead to what is there', async t => {
  const flavors = named('ResourceFlavor').map(({ metadata }) => metadata.name)
  t.strictSame(
    group?.flavors.map(({ name }) => name),
    flavors,
  )
  t.equal(named('LocalQueue')[0]?.spec.clusterQueue, queue?.metadata.name)
})

t.test('the queue takes the namespace of the tenant', async t => {
  t.match(named('Namespace')[0]?.metadata.labels, queue?.spec.namespaceSelector.matchLabels)
})

t.test('all that a stage asks for is covered', async t => {
  t.strictSame(group?.coveredResources, ['cpu', 'memory', 'nvidia.com/gpu'])
})
