/** Builds the programs of a cluster from Go modules, once a version, into the cache. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs'
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
  /** Folder of the Go module whose go.mod pins it; without one it is `go install PACKAGE@VERSION`. */
  readonly module?: string
  readonly flags: string
  /** Measured on two cores, with what its predecessors compiled already cached. */
  readonly seconds: number
}

const goFolder = join(import.meta.dirname, 'go')
const gitopsFolder = join(import.meta.dirname, '..', 'gitops', 'go')

/** A program of ours is built again when its sources change. */
const sourceHash = (folder: string): string => {
  const hash = createHash('sha256')
  for (const file of globSync('{go.*,*.go}', { cwd: folder }).sort())
    hash.update(file).update(readFileSync(join(folder, file)))
  return hash.digest('hex').slice(0, 12)
}

const kubernetes = (name: string, seconds: number): Program => ({
  version: `kubernetes-${kubernetesVersion}`,
  package: `k8s.io/kubernetes/cmd/${name}`,
  module: goFolder,
  flags: kubernetesFlags,
  seconds,
})

const installed = (packagePath: string, version: string, seconds: number): Program => ({
  version: `${packagePath.split('/').at(-1)}-${version}`,
  package: `${packagePath}@${version}`,
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
  pause: { version: 'pause-1', package: './pause', module: goFolder, flags: '-s -w', seconds: 2 },
  gitops: {
    version: `gitops-${sourceHash(gitopsFolder)}`,
    package: '.',
    module: gitopsFolder,
    flags: '-s -w',
    seconds: 45,
  },
  helm: installed('helm.sh/helm/v3/cmd/helm', 'v3.22.0', 65),
} as const satisfies Record<string, Program>

export type ProgramName = keyof typeof programs

export const programNames = Object.keys(programs) as ProgramName[]

/** Where a program lies once `ensureBinaries` has built it. */
export const binary = (name: ProgramName): string => join(cacheFolder, programs[name].version, name)

const go = (
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<void> =>
  new Promise((resolve, reject) => {
    const child = spawn('go', args, {
      cwd,
      // Go's own output goes to standard error: standard output belongs to TAP.
      stdio: ['ignore', 2, 2],
      env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false', ...env },
    })
    child.on('error', error =>
      reject(
        new Error('cannot run go: install Go 1.26 or newer (https://go.dev/dl)', { cause: error }),
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
    if (program.module === undefined)
      await go(['install', ...flags, program.package], goFolder, { GOBIN: folder })
    else await go(['build', ...flags, '-o', join(folder, name), program.package], program.module)
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
    : ['Go 1.26 or newer is missing: https://go.dev/dl']

/** Builds those of the programs that the cache lacks. Two runs never build at once. */
export const ensureBinaries = async (names: readonly ProgramName[]): Promise<void> => {
  if (names.every(name => existsSync(binary(name)))) return
  await withLock('build', async () => {
    for (const name of names) if (!existsSync(binary(name))) await build(name)
  })
}
