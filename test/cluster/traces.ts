/** One trace is one thing the harness put on the machine, with what it takes to remove it. */
import { rmSync, writeFileSync } from 'node:fs'
import { removeCgroup } from './node/cgroups.ts'
import { removeHostsLine } from './node/hosts-file.ts'
import { unmountUnder } from './node/mounts.ts'
import { isAlive, type ProcessId, stopProcess } from './processes.ts'
import { run } from './run-command.ts'

export type Trace =
  | { readonly kind: 'process'; readonly name: string; readonly id: ProcessId }
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'mounts'; readonly under: string }
  | { readonly kind: 'cgroup'; readonly name: string }
  | { readonly kind: 'loopback-address'; readonly address: string }
  | { readonly kind: 'interface'; readonly name: string }
  | { readonly kind: 'nft-table'; readonly family: 'ip' | 'ip6'; readonly name: string }
  | { readonly kind: 'hosts-line'; readonly line: string }
  | { readonly kind: 'sysctl'; readonly path: string; readonly before: string }

/** Removing what is already gone is no error: a crash may come between record and act. */
const removers: {
  readonly [K in Trace['kind']]: (trace: Extract<Trace, { kind: K }>) => unknown
} = {
  process: ({ id }) => (isAlive(id) ? stopProcess(id) : undefined),
  folder: ({ path }) => rmSync(path, { recursive: true, force: true }),
  file: ({ path }) => rmSync(path, { force: true }),
  mounts: ({ under }) => unmountUnder(under),
  cgroup: ({ name }) => removeCgroup(name),
  'loopback-address': ({ address }) =>
    run('ip', ['address', 'delete', `${address}/32`, 'dev', 'lo'], { mayFail: true }),
  interface: ({ name }) => run('ip', ['link', 'delete', name], { mayFail: true }),
  'nft-table': ({ family, name }) =>
    run('nft', ['delete', 'table', family, name], { mayFail: true }),
  'hosts-line': ({ line }) => removeHostsLine(line),
  sysctl: ({ path, before }) => writeFileSync(path, before),
}

export const removeTrace = async (trace: Trace): Promise<void> => {
  const remove = removers[trace.kind] as (trace: Trace) => unknown
  await remove(trace)
}
