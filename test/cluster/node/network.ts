/** The host's side of pod networking: forwarding, an address for the API server, masquerading. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { run } from '../run-command.ts'
import type { RunRecord } from '../run-record.ts'
import { bridgeName, hostAddress, nftTable, nodeName, podRange } from './addresses.ts'
import { addHostsLine } from './hosts-file.ts'

/** Kubelet and the bridge set these; they are put back afterwards. */
const touchedSettings = [
  '/proc/sys/net/ipv4/ip_forward',
  '/proc/sys/vm/overcommit_memory',
  '/proc/sys/kernel/panic',
  '/proc/sys/kernel/panic_on_oops',
  '/proc/sys/kernel/keys/root_maxkeys',
  '/proc/sys/kernel/keys/root_maxbytes',
]

const masqueradeRules = `
table ip ${nftTable} {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    ip saddr ${podRange} ip daddr != { ${podRange}, ${hostAddress} } masquerade
  }
}
`

export const setUpNetwork = async (record: RunRecord): Promise<void> => {
  for (const path of touchedSettings.filter(existsSync)) {
    record.add({ kind: 'sysctl', path, before: readFileSync(path, 'utf8').trim() })
  }
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1')
  const line = `${hostAddress} ${nodeName}`
  record.add({ kind: 'hosts-line', line })
  addHostsLine(line)
  record.add({ kind: 'loopback-address', address: hostAddress })
  await run('ip', ['address', 'replace', `${hostAddress}/32`, 'dev', 'lo'])
  record.add({ kind: 'nft-table', family: 'ip', name: nftTable })
  await run('nft', ['-f', '-'], { stdin: masqueradeRules })
  record.add({ kind: 'bridge', name: bridgeName })
}

const membersOf = async (bridge: string): Promise<string[]> => {
  if (!existsSync(`/sys/class/net/${bridge}`)) return []
  const links = await run('ip', ['-json', 'link', 'show', 'master', bridge], { mayFail: true })
  return (JSON.parse(links || '[]') as { ifname: string }[]).map(link => link.ifname)
}

/** Deletes a bridge and the host's ends of the pods' interfaces, which outlive it. */
export const removeBridge = async (bridge: string): Promise<void> => {
  for (const name of await membersOf(bridge)) {
    await run('ip', ['link', 'delete', name], { mayFail: true })
  }
  await run('ip', ['link', 'delete', bridge], { mayFail: true })
}
