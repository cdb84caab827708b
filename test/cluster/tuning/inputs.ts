/** Claims with the example's model and data, and one for the output; files are put there as a cluster's admin would. */
import { copyFile, cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureModel } from '../../../examples/home-automation/ensure-model.ts'
import { eventually } from '../../fixtures/cluster/eventually.ts'
import type { Cluster } from '../node.ts'
import { cacheFolder, repositoryFolder } from '../paths.ts'
import { say } from '../say.ts'

const EXAMPLE = join(repositoryFolder, 'examples', 'home-automation')
const SIZES = { models: '1Gi', datasets: '64Mi', outputs: '1Gi' } as const
export type ClaimName = keyof typeof SIZES

const claim = (namespace: string, name: ClaimName) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: SIZES[name] } } },
})

/** @returns the folder on this machine that the claim is bound to */
export const folderOf = async (
  cluster: Cluster,
  namespace: string,
  name: string,
): Promise<string> => {
  const get = (...args: string[]) => cluster.kubectl(['get', ...args])
  const volume = await eventually(async () => {
    const bound = await get('pvc', name, '-n', namespace, '-o', 'jsonpath={.spec.volumeName}')
    if (bound === '') throw new Error(`claim ${name} is not bound`)
    return bound
  })
  return get('pv', volume, '-o', 'jsonpath={.spec.local.path}')
}

export const provideInputs = async (cluster: Cluster, namespace: string): Promise<void> => {
  const items = (Object.keys(SIZES) as ClaimName[]).map(name => claim(namespace, name))
  await cluster.kubectl(
    ['apply', '-f', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
  )
  const cached = join(cacheFolder, 'models', 'smollm2-135m-instruct')
  await ensureModel(cached, say)
  const model = join(await folderOf(cluster, namespace, 'models'), 'smollm2-135m-instruct')
  await cp(cached, model, { recursive: true })
  const data = join(await folderOf(cluster, namespace, 'datasets'), 'home-automation')
  await mkdir(data, { recursive: true })
  for (const name of ['train.jsonl', 'validation.jsonl'])
    await copyFile(join(EXAMPLE, name), join(data, name))
}
