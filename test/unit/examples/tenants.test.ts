import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { validateManifest } from '@attune/crds/validate.ts'
import t from 'tap'
import { parseAllDocuments } from 'yaml'

const FOLDER = join(import.meta.dirname, '../../../examples/tenants')
const FILES = globSync('**/*.yaml', { cwd: FOLDER }).sort()

type Labels = Readonly<Record<string, string>>
type Template = { readonly queueName?: string; readonly priorityClassName?: string }
type Example = {
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Labels
  }
  readonly spec: Template & {
    readonly template?: Template
    readonly clusterQueue: string
    readonly namespaceSelector: { readonly matchLabels: Labels }
    readonly resourceGroups: readonly { readonly flavors: readonly { readonly name: string }[] }[]
  }
}

const text = (file: string) => readFileSync(join(FOLDER, file), 'utf8')
const objects = FILES.flatMap(file =>
  parseAllDocuments(text(file)).map(document => document.toJS() as Example),
)
const named = (kind: string) => objects.filter(object => object.kind === kind)
const namesOf = (kind: string) => named(kind).map(({ metadata }) => metadata.name)
const labelsOf = ({ metadata: { name, labels = {} } }: Example): Labels => ({
  ...labels,
  'kubernetes.io/metadata.name': name,
})
const selects = ({ spec }: Example, labels: Labels) =>
  Object.entries(spec.namespaceSelector.matchLabels).every(([key, value]) => labels[key] === value)

t.test('what is ours is valid', async t => {
  const ours = FILES.filter(file => text(file).includes('apiVersion: attune.dev/'))
  t.strictSame(ours, [
    'cluster/policies.yaml',
    'team-a/job.yaml',
    'team-b/experiment.yaml',
    'team-c/job.yaml',
  ])
  for (const file of ours)
    t.strictSame(validateManifest(text(file), { mode: 'cluster' }).errors, [], file)
})

t.test('each tenant has one policy, and one queue that takes no other', async t => {
  for (const namespace of named('Namespace')) {
    const { name } = namespace.metadata
    const selecting = (kind: string) =>
      named(kind).filter(object => selects(object, labelsOf(namespace)))
    t.equal(selecting('TuningPolicy').length, 1, name)
    const queues = named('LocalQueue').filter(({ metadata }) => metadata.namespace === name)
    t.strictSame(
      queues.map(({ spec }) => spec.clusterQueue),
      selecting('ClusterQueue').map(({ metadata }) => metadata.name),
      name,
    )
  }
  t.equal(named('Namespace').length, 3)
})

t.test('flavors, queues and priorities that are named are there', async t => {
  for (const { metadata, spec } of named('ClusterQueue'))
    for (const { name } of spec.resourceGroups.flatMap(({ flavors }) => flavors))
      t.ok(namesOf('ResourceFlavor').includes(name), `${metadata.name}: ${name}`)
  const jobs = [...named('InstructionTuningJob'), ...named('TuningExperiment')]
  t.equal(jobs.length, 3)
  for (const { metadata, spec } of jobs) {
    const { queueName, priorityClassName = '' } = spec.template ?? spec
    const queues = named('LocalQueue').filter(
      queue => queue.metadata.namespace === metadata.namespace && queue.metadata.name === queueName,
    )
    t.equal(queues.length, 1, metadata.name)
    t.ok(namesOf('WorkloadPriorityClass').includes(priorityClassName), metadata.name)
  }
})
