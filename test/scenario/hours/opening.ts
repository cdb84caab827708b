/** The platform team opens the cluster for its tenants. */
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { nodeName } from '../../cluster/node/addresses.ts'
import { repositoryFolder } from '../../cluster/paths.ts'
import { installChart } from '../../cluster/tuning/helm.ts'
import { FLAVOR } from '../../fixtures/kueue/play-kueue.ts'
import { WORKLOAD_CRD } from '../../fixtures/kueue/workload-crd.ts'
import { teamNames } from '../tenants.ts'
import { expect, waitFor } from '../wait-for.ts'
import { manifest, type World } from '../world.ts'

const CATALOGUE = join(repositoryFolder, 'examples', 'base-models')

/** The catalogue's sources are not asked for: the scenario needs no network. */
export const SETTINGS = { 'baseModels.verify': 'false' } as const

export const installQueue = async ({ cluster, queue, timeline }: World): Promise<void> => {
  await cluster.kubectl(['apply', '--server-side', '-f', WORKLOAD_CRD])
  await cluster.kubectl([
    'wait',
    '--for=condition=Established',
    '--timeout=60s',
    '-f',
    WORKLOAD_CRD,
  ])
  const labels = Object.entries(FLAVOR.nodeSelector).map(([key, value]) => `${key}=${value}`)
  await cluster.kubectl(['label', 'node', nodeName, ...labels])
  timeline.add('platform', 'cluster', `one node, and the namespaces ${teamNames.join(', ')}`)
  timeline.add(
    'platform',
    'queue tuning',
    `${queue.quota} GPUs for team-a and team-b (Kueue, played)`,
  )
}

export const installAttune = async ({ cluster, timeline }: World): Promise<void> => {
  await installChart(cluster, SETTINGS)
  timeline.add('platform', 'chart attune', 'installed by helm; the operator is ready')
}

export const openCatalogue = async (world: World): Promise<void> => {
  const { cluster, timeline } = world
  await cluster.kubectl(['apply', '-f', CATALOGUE])
  await cluster.kubectl(['apply', '-f', '-'], await manifest('catalogue'))
  const names = await cluster.kubectl(['get', 'basemodels', '-o', 'name'])
  const count = names.trim().split('\n').length
  expect(count === globSync(join(CATALOGUE, '*.yaml')).length + 2, 'every BaseModel', names)
  timeline.add('platform', 'catalogue', `${count} BaseModels`)
}

/** In force once the API server's caches have it. */
const untilInForce = ({ cluster, signal }: World, refusedJob: string) =>
  waitFor({
    what: 'the API server holds team-b to the policy shared-gpus',
    look: () =>
      cluster
        .kubectl(['apply', '--dry-run=server', '-n', 'team-b', '-f', '-'], refusedJob)
        .catch((error: Error) => error.message),
    holds: said => said.includes('TuningPolicy shared-gpus'),
    signal,
  })

export const limitTenants = async (world: World): Promise<void> => {
  const { cluster, timeline } = world
  await cluster.kubectl(['apply', '-f', '-'], await manifest('policies'))
  await cluster.kubectl(['apply', '-n', 'team-c', '-f', '-'], await manifest('quota'))
  await untilInForce(world, await manifest('team-b-heating'))
  timeline.add(
    'platform',
    'policies',
    'shared-gpus holds for team-a and team-b (queue, at most 2 GPUs a job), cpu-only for team-c',
  )
  timeline.add('platform', 'ResourceQuota', 'team-c may hold 4Gi of memory and 1 experiment')
}
