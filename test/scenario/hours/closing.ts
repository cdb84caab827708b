/** The end of the day: who is where, who used what, and nothing left. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { InstructionTuningJobs } from '../../../operator/src/job/kinds.ts'
import { repositoryFolder } from '../../cluster/paths.ts'
import { run } from '../../cluster/run-command.ts'
import { folderOf } from '../../cluster/tuning/inputs.ts'
import { uninstallChart } from '../../cluster/tuning/helm.ts'
import { type Team, teamNames } from '../tenants.ts'
import { expect, waitFor } from '../wait-for.ts'
import { asTeam, jobOf, runOf, untilReady, type World } from '../world.ts'

const CLI = join(repositoryFolder, 'cli', 'src', 'main.ts')
const CHILDREN = 'itj,ids,tex,jobs,pods,configmaps,pvc,networkpolicies'
const MADE = 'app.kubernetes.io/managed-by=attune-operator'

const adapterOf = async (world: World, name: string): Promise<string> => {
  const job = await jobOf(world, 'team-a', name)
  const [artifact] = runOf(job, 1)?.artifacts ?? []
  const folder = await folderOf(world.cluster, 'team-a', 'outputs')
  const file = join(
    folder,
    (artifact?.uri ?? '').replace('pvc://outputs/', ''),
    'adapter_model.safetensors',
  )
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex')
}

export const sameBits = async (world: World): Promise<void> => {
  await untilReady(world, 'team-a', 'undisturbed')
  const [one, other] = [await adapterOf(world, 'nightly'), await adapterOf(world, 'undisturbed')]
  expect(one === other, 'nightly and undisturbed have the same adapter, bit for bit', [one, other])
  world.timeline.add(
    'team-a',
    'job undisturbed',
    `Ready; its adapter is that of nightly, bit for bit (sha256 ${one.slice(0, 12)}…)`,
  )
}

export const garageEnds = async (world: World): Promise<void> => {
  await untilReady(world, 'team-c', 'garage')
  world.timeline.add('team-c', 'job garage', 'Ready: it started by itself once the quota had room')
}

type Figures = {
  readonly namespace: string
  readonly jobs: number
  readonly acceleratorSeconds: number
}

const usage = ({ cluster }: World, ...args: readonly string[]): Promise<string> =>
  run(process.execPath, [CLI, 'usage', '-A', `--kubeconfig=${cluster.kubeconfig}`, ...args])

const accounted = async ({ client }: World, namespace: Team) => {
  const { items } = await client.list(InstructionTuningJobs, { namespace })
  const seconds = items.reduce((sum, { status }) => sum + (status?.acceleratorSeconds ?? 0), 0)
  return { jobs: items.length, seconds }
}

/** @returns the table that `attune usage` prints */
export const usageAddsUp = async (world: World): Promise<string> => {
  const { namespaces } = JSON.parse(await usage(world, '--json')) as {
    namespaces: readonly Figures[]
  }
  const said: string[] = []
  for (const team of teamNames) {
    const found = namespaces.find(({ namespace }) => namespace === team)
    const { jobs, seconds } = await accounted(world, team)
    expect(
      found?.jobs === jobs && Math.abs(found.acceleratorSeconds - seconds) < 1,
      `the jobs and GPU seconds of ${team}`,
      { found, jobs, seconds },
    )
    expect(team === 'team-c' ? seconds === 0 : seconds > 0, `GPU seconds of ${team}`, seconds)
    said.push(`${team} ${seconds.toFixed(0)}`)
  }
  world.timeline.add('platform', 'attune usage', `GPU seconds by team: ${said.join(', ')}`)
  return usage(world)
}

export const everythingIsDeleted = async (world: World): Promise<void> => {
  const { cluster, timeline, signal } = world
  for (const team of teamNames)
    await asTeam(world, team, ['delete', 'tex,itj,ids', '--all', '--wait=false'])
  timeline.add('all teams', 'everything', 'deleted')
  await waitFor({
    what: 'nothing that the operator made is left',
    look: () => cluster.kubectl(['get', CHILDREN, '-A', '-l', MADE, '-o', 'name']),
    holds: left => left.trim() === '',
    signal,
  })
  const OWN = 'itj,ids,tex,workloads.kueue.x-k8s.io'
  await waitFor({
    what: 'no object of a tenant is left',
    look: () => cluster.kubectl(['get', OWN, '-A', '-o', 'name']),
    holds: left => left.trim() === '',
    signal,
  })
  const kept = await cluster.kubectl(['get', 'pvc', '-A', '-o', 'name'])
  expect(kept.trim().split('\n').length === 9, 'the three claims of each team', kept)
  timeline.add(
    'all teams',
    'everything',
    'gone; what was published stays on the claims of each team',
  )
  await uninstallChart(cluster)
  timeline.add('platform', 'chart attune', 'uninstalled')
}
