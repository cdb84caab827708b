/** One trace is one thing the harness put on the machine, with what it takes to remove it. */
import { rmSync, writeFileSync } from 'node:fs'
import { removeCgroup } from './node/cgroups.ts'
import { removeHostsLine } from './node/hosts-file.ts'
import { mountsUnder, unmountUnder } from './node/mounts.ts'
import { removeBridge } from './node/network.ts'
import { removeLogLinks, removeShims } from './node/shims.ts'
import { type ProcessId, stopProcess } from './processes.ts'
import { run } from './run-command.ts'

export type Trace =
  | { readonly kind: 'process'; readonly name: string; readonly id: ProcessId }
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'mounts'; readonly under: string }
  | { readonly kind: 'cgroup'; readonly name: string }
  | { readonly kind: 'loopback-address'; readonly address: string }
  | { readonly kind: 'bridge'; readonly name: string }
  | { readonly kind: 'shims'; readonly socket: string; readonly stateFolder: string }
  | { readonly kind: 'log-links'; readonly to: string }
  | { readonly kind: 'nft-table'; readonly family: 'ip' | 'ip6'; readonly name: string }
  | { readonly kind: 'hosts-line'; readonly line: string }
  | { readonly kind: 'sysctl'; readonly path: string; readonly before: string }

/** Never reaches through a mount into what is mounted. */
export const removeFolder = (path: string): void => {
  const mounts = mountsUnder(path)
  if (mounts.length > 0) throw new Error(`${path} still holds mounts: ${mounts.join(', ')}`)
  rmSync(path, { recursive: true, force: true })
}

/** Removing what is already gone is no error: a crash may come between record and act. */
const removers: {
  readonly [K in Trace['kind']]: (trace: Extract<Trace, { kind: K }>) => unknown
} = {
  // Nothing they keep outlives the run, so that a stop is what a crash would be.
  process: ({ id }) => stopProcess(id, 0),
  folder: ({ path }) => removeFolder(path),
  file: ({ path }) => rmSync(path, { force: true }),
  mounts: ({ under }) => unmountUnder(under),
  cgroup: ({ name }) => removeCgroup(name),
  'loopback-address': ({ address }) =>
    run('ip', ['address', 'delete', `${address}/32`, 'dev', 'lo'], { mayFail: true }),
  bridge: ({ name }) => removeBridge(name),
  shims: ({ socket, stateFolder }) => removeShims(socket, stateFolder),
  'log-links': ({ to }) => removeLogLinks(to),
  'nft-table': ({ family, name }) =>
    run('nft', ['delete', 'table', family, name], { mayFail: true }),
  'hosts-line': ({ line }) => removeHostsLine(line),
  sysctl: ({ path, before }) => writeFileSync(path, before),
}

export const removeTrace = async (trace: Trace): Promise<void> => {
  const remove = removers[trace.kind] as (trace: Trace) => unknown
  await remove(trace)
}
