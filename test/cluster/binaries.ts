/** Builds the programs of a cluster from Go modules, once a version, into the cache. */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import process from 'node:process'
import { withLock } from './lock.ts'
import { cacheFolder } from './paths.ts'
import { say } from './say.ts'

const kubernetesVersion = 'v1.35.4'
const [major, minor] = kubernetesVersion.slice(1).split('.')
const versionPackage = 'k8s.io/component-base/version'
const kubernetesFlags = [
  '-s -w',
  `-X ${versionPackage}.gitVersion=${kubernetesVersion}`,
  `-X ${versionPackage}.gitMajor=${major}`,
  `-X ${versionPackage}.gitMinor=${minor}`,
].join(' ')

type Program = {
  readonly version: string
  readonly package: string
  /** Built inside test/cluster/go, whose go.mod pins it; else by `go install PACKAGE@VERSION`. */
  readonly pinned: boolean
  readonly flags: string
  /** Measured on two cores, with what its predecessors compiled already cached. */
  readonly seconds: number
}

const kubernetes = (name: string, seconds: number): Program => ({
  version: `kubernetes-${kubernetesVersion}`,
  package: `k8s.io/kubernetes/cmd/${name}`,
  pinned: true,
  flags: kubernetesFlags,
  seconds,
})

const installed = (packagePath: string, version: string, seconds: number): Program => ({
  version: `${packagePath.split('/').at(-1)}-${version}`,
  package: `${packagePath}@${version}`,
  pinned: false,
  flags: '-s -w',
  seconds,
})

const programs = {
  'kube-apiserver': kubernetes('kube-apiserver', 340),
  kubectl: kubernetes('kubectl', 20),
  'kube-controller-manager': kubernetes('kube-controller-manager', 130),
  'kube-scheduler': kubernetes('kube-scheduler', 10),
  kubelet: kubernetes('kubelet', 40),
  'kube-proxy': kubernetes('kube-proxy', 15),
  pause: { version: 'pause-1', package: './pause', pinned: true, flags: '-s -w', seconds: 2 },
  helm: installed('helm.sh/helm/v3/cmd/helm', 'v3.22.0', 65),
} as const satisfies Record<string, Program>

export type ProgramName = keyof typeof programs

export const programNames = Object.keys(programs) as ProgramName[]

/** Where a program lies once `ensureBinaries` has built it. */
export const binary = (name: ProgramName): string => join(cacheFolder, programs[name].version, name)

const goFolder = join(import.meta.dirname, 'go')

const go = (args: readonly string[], env: Record<string, string>): Promise<void> =>
  new Promise((resolve, reject) => {
    const child = spawn('go', args, {
      cwd: goFolder,
      // Go's own output goes to standard error: standard output belongs to TAP.
      stdio: ['ignore', 2, 2],
      env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false', ...env },
    })
    child.on('error', error =>
      reject(
        new Error('cannot run go: install Go 1.25 or newer (https://go.dev/dl)', { cause: error }),
      ),
    )
    child.on('exit', (code, signal) =>
      code === 0 ? resolve() : reject(new Error(`go ${args[0]} ended with ${signal ?? code}`)),
    )
  })

const build = async (name: ProgramName): Promise<void> => {
  const program: Program = programs[name]
  const target = binary(name)
  mkdirSync(dirname(target), { recursive: true })
  const folder = mkdtempSync(`${target}.building-`)
  const flags = ['-trimpath', '-ldflags', program.flags]
  say(`building ${name} (${program.version}), about ${program.seconds} s on two cores`)
  const started = Date.now()
  try {
    if (program.pinned) await go(['build', ...flags, '-o', join(folder, name), program.package], {})
    else await go(['install', ...flags, program.package], { GOBIN: folder })
    renameSync(join(folder, name), target)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  say(`built ${name} in ${Math.round((Date.now() - started) / 1000)} s`)
}

const isInstalled = (program: string): boolean =>
  (process.env['PATH'] ?? '').split(delimiter).some(folder => existsSync(join(folder, program)))

/** What keeps the programs from being built, with what to do; empty if they can be or are. */
export const missingPrograms = (): string[] =>
  programNames.every(name => existsSync(binary(name))) || isInstalled('go')
    ? []
    : ['Go 1.25 or newer is missing: https://go.dev/dl']

/** Builds those of the programs that the cache lacks. Two runs never build at once. */
export const ensureBinaries = async (names: readonly ProgramName[]): Promise<void> => {
  if (names.every(name => existsSync(binary(name)))) return
  await withLock('build', async () => {
    for (const name of names) if (!existsSync(binary(name))) await build(name)
  })
}
