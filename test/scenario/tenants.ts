/** Three teams of one cluster: a namespace each, a user with the role `edit` there, claims with models and data. */
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeTinyModel } from '../fixtures/tiny-model.ts'
import type { Cluster } from '../cluster/node.ts'
import { SYSTEM_NAMESPACE } from '../cluster/tuning/helm.ts'
import { folderOf } from '../cluster/tuning/inputs.ts'

export const TEAMS = {
  'team-a': { user: 'ada', tier: 'shared', subject: 'lamp' },
  'team-b': { user: 'ben', tier: 'shared', subject: 'heating' },
  'team-c': { user: 'cai', tier: 'trial', subject: 'blind' },
} as const
export type Team = keyof typeof TEAMS
export const teamNames = Object.keys(TEAMS) as Team[]

const CLAIMS = ['models', 'datasets', 'outputs'] as const
const PAIRS = 64

const list = (items: readonly object[]): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'List', items })

const namespace = (team: Team): object => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name: team,
    labels: {
      'attune.dev/tier': TEAMS[team].tier,
      'pod-security.kubernetes.io/enforce': 'restricted',
    },
  },
})

const binding = (team: Team): object => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'RoleBinding',
  metadata: { name: 'tuners', namespace: team },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' },
  subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: team }],
})

/** Catalogue and policies are of the cluster: all may read them. */
const catalogueReaders = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name: 'catalogue-readers' },
  roleRef: {
    apiGroup: 'rbac.authorization.k8s.io',
    kind: 'ClusterRole',
    name: `${SYSTEM_NAMESPACE}-attune-view`,
  },
  subjects: teamNames.map(name => ({ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name })),
}

const claim = (team: Team, name: string): object => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace: team },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '64Mi' } } },
})

/** Answers of some 60 bytes: no example fits a row of 48 tokens, every one a row of 128. */
const pairs = (subject: string): string =>
  Array.from({ length: PAIRS }, (_, index) => {
    const state = index % 2 === 0 ? 'on' : 'off'
    const prompt = `turn ${subject} ${index} ${state}`
    const completion = JSON.stringify({
      device: `${subject}-${index}`,
      state,
      checked: 'yes, it is',
    })
    return `${JSON.stringify({ prompt, completion })}\n`
  }).join('')

const makeModels = async ({ record }: Cluster): Promise<string> => {
  const folder = join(record.folder, 'models')
  await writeTinyModel(join(folder, 'tiny'))
  await writeTinyModel(join(folder, 'small'), { hidden: 256, intermediate: 512, layers: 4 })
  return folder
}

export const provideTenants = async (cluster: Cluster): Promise<void> => {
  await cluster.kubectl(['create', '-f', '-'], list(teamNames.map(namespace)))
  const claims = teamNames.flatMap(team => CLAIMS.map(name => claim(team, name)))
  await cluster.kubectl(
    ['create', '-f', '-'],
    list([...teamNames.map(binding), catalogueReaders, ...claims]),
  )
  const models = await makeModels(cluster)
  for (const team of teamNames) {
    await cp(models, await folderOf(cluster, team, 'models'), { recursive: true })
    const datasets = await folderOf(cluster, team, 'datasets')
    await mkdir(datasets, { recursive: true })
    await writeFile(join(datasets, 'pairs.jsonl'), pairs(TEAMS[team].subject))
  }
}
