/** What a harness could leave on a machine, one line a thing, to compare before and after. */
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cgroupName, clusterRunName } from './node/addresses.ts'
import { cacheFolder } from './paths.ts'
import { isAlive, type ProcessId } from './processes.ts'
import { run } from './run-command.ts'
import { type LiveRun, liveRuns } from './run-record.ts'

const readIfThere = (file: string): string => {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

const startTimeOf = (stat: string): string =>
  stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''

const isOfPod = (pid: string): boolean =>
  readIfThere(`/proc/${pid}/cgroup`).includes(`:/${cgroupName}/`)

/** Ours by what it runs or by the cgroup it runs in. */
const isOurs = (pid: string): boolean => {
  const command = readIfThere(`/proc/${pid}/cmdline`)
  const marks = [`${cacheFolder}/`, '/run/attune-', 'test/cluster/volumes/provisioner.ts']
  return marks.some(mark => command.includes(mark)) || isOfPod(pid)
}

const processes = (): string[] =>
  readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && isOurs(name))
    .map(pid => ({ pid, startTime: startTimeOf(readIfThere(`/proc/${pid}/stat`)) }))
    .filter(({ pid, startTime }) => isAlive({ pid: Number(pid), startTime } as ProcessId))
    .map(({ pid, startTime }) => {
      const command = readIfThere(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').slice(0, 200)
      return `${isOfPod(pid) ? 'pod ' : ''}process ${pid} started at ${startTime}: ${command}`
    })

const mounts = (): string[] =>
  readIfThere('/proc/self/mountinfo')
    .split('\n')
    .map(line => line.split(' ')[4] ?? '')
    .filter(path => path.startsWith(`${cacheFolder}/`) || path.startsWith('/run/attune-'))
    .map(path => `mount ${path}`)

/** Folders that containerd, CNI and kubelet make outside those they are given. */
const watchedFolders = [
  '/run/containerd',
  '/run/containerd/s',
  '/run/netns',
  '/var/lib/cni',
  '/var/lib/cni/results',
  '/var/lib/kubelet',
  '/var/log/containers',
  '/var/log/pods',
]

const entries = (): string[] => [
  ...watchedFolders
    .filter(existsSync)
    .flatMap(folder => [
      `folder ${folder}`,
      ...readdirSync(folder).map(name => `file ${join(folder, name)}`),
    ]),
  ...globSync(['/run/attune-*', '/sys/fs/cgroup/attune', '/sys/fs/cgroup/*/attune']).map(
    path => `folder ${path}`,
  ),
]

const linesOf = async (what: string, command: string, ...args: string[]): Promise<string[]> => {
  const text = await run(command, args, { mayFail: true }).catch(() => '')
  return text
    .split('\n')
    .filter(Boolean)
    .map(line => `${what} ${line.trim()}`)
}

const interfaces = (): string[] => readdirSync('/sys/class/net').map(name => `interface ${name}`)

const addresses = async (): Promise<string[]> => {
  const lines = await linesOf('address', 'ip', '-oneline', 'address')
  // Lifetimes count down.
  return lines.map(line =>
    line.replace(/\s(valid_lft|preferred_lft)\s.*$/, '').replaceAll('\\', ''),
  )
}

/** What a cluster and its pods bring and take while it lives, whoever started it. */
const clusterTraces = [
  /^pod process /,
  /^interface (veth|attune0)/,
  /^address \d+: (veth|attune0|lo +inet 10\.97\.)/,
  /^nftables .*(attune|kube-proxy)/,
  /^hosts line 10\.97\./,
  /^(file|folder) \/(run|var|sys)\//,
  // Shims and mounts of pods.
  /\/run\/attune-/,
]

const isOfRun =
  ({ name, pids }: LiveRun) =>
  (line: string): boolean =>
    line.includes(`/${name}`) ||
    pids.some(pid => line.startsWith(`process ${pid} `)) ||
    (name === clusterRunName && clusterTraces.some(trace => trace.test(line)))

/** The state without what runs that are still alive have started. */
export const machineState = async (): Promise<ReadonlySet<string>> => {
  const excluded = liveRuns().map(isOfRun)
  const lines = [
    ...processes(),
    ...mounts(),
    ...entries(),
    ...interfaces(),
    ...(await addresses()),
    ...(await linesOf('nftables', 'nft', 'list', 'tables')),
    ...readIfThere('/etc/hosts')
      .split('\n')
      .map(line => `hosts line ${line}`),
  ]
  return new Set(lines.filter(line => !excluded.some(isExcluded => isExcluded(line))))
}

/** What is there now and was not before. */
export const leftSince = async (before: ReadonlySet<string>): Promise<string[]> =>
  [...(await machineState())].filter(line => !before.has(line)).sort()
