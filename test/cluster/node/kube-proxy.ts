import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { binary } from '../binaries.ts'
import { startComponent } from '../component.ts'
import type { ControlPlane } from '../control-plane.ts'
import { freePorts } from '../ports.ts'
import { run } from '../run-command.ts'
import { nodeName, podRange } from './addresses.ts'

const configuration = (kubeconfig: string, health: number, metrics: number): object => ({
  apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
  kind: 'KubeProxyConfiguration',
  // Debian's iptables writes nftables rules that kube-proxy's iptables mode does not understand.
  mode: 'nftables',
  bindAddress: '127.0.0.1',
  clientConnection: { kubeconfig },
  hostnameOverride: nodeName,
  clusterCIDR: podRange,
  healthzBindAddress: `127.0.0.1:${health}`,
  metricsBindAddress: `127.0.0.1:${metrics}`,
  conntrack: {
    maxPerCore: 0,
    min: 0,
    tcpEstablishedTimeout: '0s',
    tcpCloseWaitTimeout: '0s',
  },
})

const tableExists = async (): Promise<boolean> =>
  (await run('nft', ['list', 'tables', 'ip'], { mayFail: true })).includes('kube-proxy')

/** Starts kube-proxy, which makes Services reachable, the API server's among them. */
export const startKubeProxy = async ({ record, credentials }: ControlPlane): Promise<void> => {
  const [health, metrics] = await freePorts(2)
  const configFile = join(record.folder, 'kube-proxy.json')
  const kubeconfig = credentials.kubeconfigFile('kube-proxy')
  writeFileSync(
    configFile,
    JSON.stringify(configuration(kubeconfig, health as number, metrics as number)),
  )
  record.add({ kind: 'nft-table', family: 'ip', name: 'kube-proxy' })
  record.add({ kind: 'nft-table', family: 'ip6', name: 'kube-proxy' })
  await startComponent(record, {
    name: 'kube-proxy',
    command: binary('kube-proxy'),
    args: [`--config=${configFile}`],
    isReady: tableExists,
  })
}
