import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { binary } from '../binaries.ts'
import { answersOk, type Component, startComponent } from '../component.ts'
import type { ControlPlane } from '../control-plane.ts'
import { freePorts } from '../ports.ts'
import { cgroupName, hostAddress, nodeName } from './addresses.ts'
import { createCgroup } from './cgroups.ts'

const configuration = (folder: string, socket: string, healthPort: number): object => ({
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  address: hostAddress,
  port: 10250,
  healthzBindAddress: '127.0.0.1',
  healthzPort: healthPort,
  readOnlyPort: 0,
  // The API server has no client certificate to show; the address is this machine's loopback.
  authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
  authorization: { mode: 'AlwaysAllow' },
  containerRuntimeEndpoint: `unix://${socket}`,
  cgroupDriver: 'cgroupfs',
  cgroupRoot: `/${cgroupName}`,
  failCgroupV1: false,
  failSwapOn: false,
  localStorageCapacityIsolation: false,
  makeIPTablesUtilChains: false,
  podLogsDir: join(folder, 'pod-logs'),
  volumePluginDir: join(folder, 'volume-plugins'),
  staticPodPath: '',
  // There is no registry to pull an image from again.
  imageGCHighThresholdPercent: 100,
  imageGCLowThresholdPercent: 99,
  evictionHard: { 'memory.available': '100Mi' },
  shutdownGracePeriod: '0s',
  nodeStatusUpdateFrequency: '5s',
  syncFrequency: '10s',
})

export const startKubelet = async (plane: ControlPlane, socket: string): Promise<Component> => {
  const { record, credentials } = plane
  const [healthPort] = await freePorts(1)
  const logs = join(record.folder, 'pod-logs')
  // Kubelet's device plugins have their sockets here, whatever its own folder is.
  if (!existsSync('/var/lib/kubelet')) record.add({ kind: 'folder', path: '/var/lib/kubelet' })
  record.add({ kind: 'log-links', to: logs })
  mkdirSync(logs, { recursive: true })
  createCgroup(cgroupName)
  const configFile = join(record.folder, 'kubelet.json')
  writeFileSync(
    configFile,
    JSON.stringify(configuration(record.folder, socket, healthPort as number)),
  )
  return startComponent(record, {
    name: 'kubelet',
    command: binary('kubelet'),
    args: [
      `--config=${configFile}`,
      `--kubeconfig=${credentials.kubeconfigFile('kubelet')}`,
      `--root-dir=${join(record.folder, 'kubelet')}`,
      `--cert-dir=${join(record.folder, 'kubelet-certificates')}`,
      `--hostname-override=${nodeName}`,
      `--node-ip=${hostAddress}`,
    ],
    isReady: () => answersOk(`https://${hostAddress}:10250/healthz`),
    timeoutMs: 120_000,
  })
}
