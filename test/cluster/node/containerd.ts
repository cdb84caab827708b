import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startComponent } from '../component.ts'
import { run } from '../run-command.ts'
import type { RunRecord } from '../run-record.ts'
import { bridgeName, cgroupName, podNetworkName, podRange } from './addresses.ts'

export type Containerd = {
  readonly socket: string
  /** Loads an OCI archive into the images that pods can use. */
  importImage(archive: string): Promise<void>
  /** Kills the containers of a pod, as losing the machine would. */
  killPod(namespace: string, name: string): Promise<void>
}

/** The image whose container holds a pod's namespaces. */
export const pauseImage = 'localhost/attune-pause:1'

const configuration = (folder: string, stateFolder: string, socket: string): string => `
version = 2
root = "${folder}/containerd"
state = "${stateFolder}"
[grpc]
  address = "${socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${folder}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  # Without CAP_SYS_RESOURCE a container may not lower its score below that of containerd.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${folder}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
      Root = "${stateFolder}/runc"
`

const podNetworkConfiguration = (folder: string): string =>
  JSON.stringify({
    cniVersion: '0.4.0',
    name: podNetworkName,
    plugins: [
      {
        type: 'bridge',
        bridge: bridgeName,
        isGateway: true,
        // A pod that calls its own Service gets its packets back through the bridge.
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir: join(folder, 'cni-addresses'),
          ranges: [[{ subnet: podRange }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
    ],
  })

/** Starts containerd with root, state and socket of its own. */
export const startContainerd = async (record: RunRecord): Promise<Containerd> => {
  const { folder } = record
  // Unix socket paths end at 107 bytes: the run's own folder may be too deep.
  const shortFolder = `/run/attune-${record.name}`
  const stateFolder = join(shortFolder, 'state')
  const socket = join(shortFolder, 'containerd.sock')
  record.add({ kind: 'folder', path: shortFolder })
  record.add({ kind: 'mounts', under: shortFolder })
  record.add({ kind: 'mounts', under: folder })
  record.add({ kind: 'shims', socket, stateFolder })
  record.add({ kind: 'cgroup', name: cgroupName })
  mkdirSync(stateFolder, { recursive: true, mode: 0o711 })
  mkdirSync(join(folder, 'cni'), { recursive: true })
  writeFileSync(join(folder, 'cni', '10-attune.conflist'), podNetworkConfiguration(folder))
  const configFile = join(folder, 'containerd.toml')
  writeFileSync(configFile, configuration(folder, stateFolder, socket))
  const ctr = (...args: string[]): Promise<string> =>
    run('ctr', ['--address', socket, '--namespace', 'k8s.io', ...args], { timeoutMs: 300_000 })
  await startComponent(record, {
    name: 'containerd',
    command: 'containerd',
    args: ['--config', configFile],
    isReady: () =>
      ctr('version').then(
        () => true,
        () => false,
      ),
  })
  return {
    socket,
    importImage: async archive => {
      await ctr('images', 'import', archive)
    },
    killPod: async (namespace, name) => {
      const label = (key: string, value: string) => `labels."io.kubernetes.pod.${key}"==${value}`
      const selector = `${label('namespace', namespace)},${label('name', name)}`
      const ids = (await ctr('containers', 'ls', '-q', selector)).split('\n').filter(Boolean)
      // one that has ended has no task any more
      for (const id of ids) await ctr('tasks', 'kill', '-s', 'SIGKILL', id).catch(() => {})
    },
  }
}
