import t from 'tap'
import { create } from '../fixtures/cluster/kubectl.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { imageTag } from './images.ts'
import { startCluster } from './node.ts'

const restricted = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
}

const script = `
const fs = require('node:fs')
fs.writeFileSync('/data/written', 'kept')
try { fs.writeFileSync('/written', '') } catch (error) { console.log('root:', error.code) }
console.log('user:', process.getuid(), 'data:', fs.readFileSync('/data/written', 'utf8'))
fetch('https://10.96.0.1:443/version').then(r => console.log('version:', r.status), console.error)
`

const pod = (image: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'smoke', namespace: 'strict' },
  spec: {
    restartPolicy: 'Never',
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 1000,
      fsGroup: 1000,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [
      {
        name: 'smoke',
        image,
        command: ['node', '-e', script],
        env: [{ name: 'NODE_TLS_REJECT_UNAUTHORIZED', value: '0' }],
        securityContext: restricted,
        resources: { limits: { cpu: '1', memory: '256Mi', 'nvidia.com/gpu': '1' } },
        volumeMounts: [{ name: 'data', mountPath: '/data' }],
      },
    ],
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
  },
})

const claim = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'data', namespace: 'strict' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
}

const namespace = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'strict', labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
}

t.test('a restricted pod that asks for a GPU runs on the node', async t => {
  const cluster = await startCluster({ images: ['base'] })
  t.teardown(() => cluster.stop())
  const { kubectl, kubeconfig } = cluster
  for (const object of [namespace, claim]) await create(object, { kubeconfig })
  await eventually(() => kubectl(['get', 'serviceaccount', 'default', '-n', 'strict']))
  await create(pod(imageTag('base')), { kubeconfig })
  const get = (path: string) =>
    kubectl(['get', 'pod', 'smoke', '-n', 'strict', '-o', `jsonpath={${path}}`])
  await eventually(
    async () => {
      const phase = await get('.status.phase')
      if (phase !== 'Succeeded') throw new Error(`phase ${phase}: ${await get('.status')}`)
    },
    { timeoutMs: 120_000 },
  )
  t.match(await get('.status.podIP'), /^10\.244\.0\./, 'it gets an address')
  t.equal(await get('.spec.nodeName'), 'attune-node', 'the scheduler places it')
  const logs = await kubectl(['logs', 'smoke', '-n', 'strict'])
  t.match(logs, 'root: EROFS', 'its root file system is read-only')
  t.match(logs, 'user: 1000 data: kept', 'it writes to its volume as its own user')
  t.match(logs, 'version: 200', 'it reaches the API server by its Service')

  await t.test('and its volume goes with its claim', async t => {
    await kubectl(['delete', 'namespace', 'strict', '--timeout=120s'])
    const volumes = await eventually(async () => {
      const names = await kubectl(['get', 'persistentvolumes', '-o', 'name'])
      if (names !== '') throw new Error(`volumes left: ${names}`)
      return names
    })
    t.equal(volumes, '')
  })
})
