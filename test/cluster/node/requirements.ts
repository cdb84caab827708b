/** Whether this machine can carry a node, said all at once and with what to do. */
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import process from 'node:process'

type Requirement = { readonly package: string; readonly programs: readonly string[] }

export const controlPlaneRequirements: readonly Requirement[] = [
  { package: 'etcd-server', programs: ['etcd'] },
]

export const nodeRequirements: readonly Requirement[] = [
  ...controlPlaneRequirements,
  { package: 'containerd', programs: ['containerd', 'containerd-shim-runc-v2', 'ctr'] },
  { package: 'runc', programs: ['runc'] },
  { package: 'containernetworking-plugins', programs: ['/usr/lib/cni/bridge'] },
  { package: 'nftables', programs: ['nft'] },
  { package: 'iproute2', programs: ['ip'] },
  { package: 'buildah', programs: ['buildah'] },
  { package: 'debootstrap', programs: ['debootstrap'] },
  { package: 'prometheus', programs: ['prometheus', 'promtool'] },
]

// Debian keeps some of these in sbin, which an ordinary user's PATH lacks.
const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin']

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const isThere = (program: string): boolean =>
  program.startsWith('/')
    ? isExecutable(program)
    : folders.some(folder => isExecutable(join(folder, program)))

export const missingPackages = (requirements: readonly Requirement[]): string[] =>
  requirements.filter(({ programs }) => !programs.every(isThere)).map(each => each.package)

/** Every reason why a node cannot run here; empty if it can. */
export const reasonsAgainstNode = (): string[] => {
  const reasons: string[] = []
  if (!existsSync('/proc/self/stat')) return ['a node runs on Linux only']
  if (process.getuid?.() !== 0) {
    reasons.push('a node needs root (mounts, cgroups, network): run this as root')
  }
  const missing = missingPackages(nodeRequirements)
  if (missing.length > 0) {
    reasons.push(`Debian packages are missing: apt-get install -y ${missing.join(' ')}`)
  }
  if (!existsSync('/sys/fs/cgroup')) reasons.push('/sys/fs/cgroup is not mounted')
  return reasons
}
