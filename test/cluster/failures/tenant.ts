/** A namespace with a tiny model and its data on claims, and an operator of its own outside the cluster. */
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { InstructionTuningJobSpec } from '../../../crds/instruction-tuning-job-spec.ts'
import { readConfig } from '../../../operator/src/config.ts'
import { loadKubeConnection } from '../../../operator/src/kube/kube-config.ts'
import { silentLog } from '../../../operator/src/kube/log.ts'
import { startOperator } from '../../../operator/src/run-operator.ts'
import { writeTinyModel } from '../../fixtures/tiny-model.ts'
import { imageTag } from '../images.ts'
import type { Cluster } from '../node.ts'
import { folderOf } from '../tuning/inputs.ts'
import { jobView } from '../tuning/job-view.ts'

const CLAIMS = ['models', 'datasets', 'outputs'] as const
const PAIRS = 96
/** A byte is a token of the tiny model: these fill most of a row of 512. */
const COMPLETION_LENGTH = 400

type TearingDown = { teardown(work: () => Promise<void>): void }

const pairs = Array.from({ length: PAIRS }, (_, index) =>
  JSON.stringify({
    prompt: `make lamp ${index} blue`,
    completion: `lamp ${index} is blue. `.repeat(40).slice(0, COMPLETION_LENGTH),
  }),
).join('\n')

const SPEC: InstructionTuningJobSpec = {
  model: { source: { uri: 'pvc://models/tiny' } },
  dataset: {
    sources: [{ uri: 'pvc://datasets/pairs.jsonl' }],
    validation: { fraction: 0.1 },
  },
  method: { lora: { rank: 4, alpha: 8 } },
  training: {
    maxSteps: 100_000,
    batchSize: 2,
    sequenceLength: 512,
    packing: false,
    checkpoint: { everySteps: 5, keep: 2 },
  },
  evaluation: { everySteps: 100_000, suites: [{ name: 'held-out', maxNewTokens: 2 }] },
  output: { uri: 'pvc://outputs/tiny' },
  resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '1Gi' } },
  workspace: { size: '1Gi' },
  retry: { limit: 0 },
}

const list = (items: readonly object[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
const claim = (namespace: string, name: string) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '64Mi' } } },
})

const provide = async (cluster: Cluster, namespace: string) => {
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
  const owned = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } }
  await cluster.kubectl(['create', '-f', '-'], JSON.stringify(owned))
  const claims = CLAIMS.map(name => claim(namespace, name))
  await cluster.kubectl(['create', '-f', '-'], list(claims))
  const models = await folderOf(cluster, namespace, 'models')
  const made = join(cluster.record.folder, 'tiny-model')
  await mkdir(made, { recursive: true })
  await cp(await writeTinyModel(made), join(models, 'tiny'), { recursive: true })
  const datasets = await folderOf(cluster, namespace, 'datasets')
  await writeFile(join(datasets, 'pairs.jsonl'), `${pairs}\n`)
}

export type Tenant = Awaited<ReturnType<typeof startTenant>>

export const startTenant = async (
  t: TearingDown,
  cluster: Cluster,
  namespace: string,
  image: string = imageTag('trainer'),
) => {
  await provide(cluster, namespace)
  const config = readConfig(
    [
      ...['--trainer-image', image, '--namespaces', namespace, '--poll-interval', '0.5'],
      ...['--metrics-port', '0', '--health-port', '0'],
    ],
    {},
  )
  if (!config) throw new TypeError('no help was asked for')
  const operator = await startOperator({
    config,
    connection: loadKubeConnection({ kubeconfig: cluster.kubeconfig }),
    log: silentLog,
    onLost: error => {
      throw error
    },
  })
  t.teardown(operator.stop)
  return {
    namespace,
    kubectl: (...args: string[]) => cluster.kubectl([...args, '-n', namespace]),
    submit: async (name: string, spec: Partial<InstructionTuningJobSpec> = {}) => {
      const metadata = { name, namespace }
      const apiVersion = 'attune.dev/v1alpha1'
      const job = { apiVersion, kind: 'InstructionTuningJob', metadata, spec: { ...SPEC, ...spec } }
      await cluster.kubectl(['create', '-f', '-'], JSON.stringify(job))
      return jobView(cluster, namespace, name)
    },
    training: SPEC.training,
  }
}
