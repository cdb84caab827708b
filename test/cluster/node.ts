/** A whole cluster on this machine: control plane, one node, real pods. Needs root. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { binary, ensureBinaries, programNames } from './binaries.ts'
import { startComponent } from './component.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { imageArchives, type ImageName, pauseArchive } from './images.ts'
import { clusterRunName, hostAddress, nodeName } from './node/addresses.ts'
import { type Containerd, startContainerd } from './node/containerd.ts'
import { startKubeProxy } from './node/kube-proxy.ts'
import { startKubelet } from './node/kubelet.ts'
import { setUpNetwork } from './node/network.ts'
import { reasonsAgainstNode } from './node/requirements.ts'
import { run } from './run-command.ts'
import { cleanCrashedRuns, openRun, type RunRecord, runNames } from './run-record.ts'
import { say } from './say.ts'
import { storageClass } from './volumes/local-volume.ts'
import { waitUntil } from './wait-until.ts'

export type ClusterOptions = {
  /** Images to build and load; pods can use no others. */
  readonly images?: readonly ImageName[]
  /** Stays when this process ends, until `npm run cluster:down`. */
  readonly stays?: boolean
}

export type Cluster = ControlPlane & {
  readonly containerd: Containerd
  kubectl(args: readonly string[], stdin?: string): Promise<string>
  readonly kubelet: {
    /** The containers that it started go on. */
    stop(): Promise<void>
    start(): Promise<void>
  }
}

const checkMachine = async (): Promise<void> => {
  const reasons = reasonsAgainstNode()
  if (reasons.length > 0)
    throw new Error(`this machine cannot run a node:\n- ${reasons.join('\n- ')}`)
  await cleanCrashedRuns()
  if (runNames().includes(clusterRunName)) {
    throw new Error('a cluster is running already: end it with `npm run cluster:down` first')
  }
}

const startVolumes = async ({ record, kubeconfig }: ControlPlane): Promise<void> => {
  const folder = join(record.folder, 'volumes')
  mkdirSync(folder, { recursive: true })
  await startComponent(record, {
    name: 'volume-provisioner',
    command: process.execPath,
    args: [join(import.meta.dirname, 'volumes', 'provisioner.ts'), kubeconfig, folder],
    isReady: async () => true,
  })
}

const isNodeReady = (kubectl: Cluster['kubectl']) => async (): Promise<boolean> => {
  const path = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
  return (await kubectl(['get', 'node', nodeName, '-o', path]).catch(() => '')) === 'True'
}

/** The API server refuses pods of a namespace whose service account has not been made yet. */
const hasServiceAccount = (kubectl: Cluster['kubectl']) => (): Promise<boolean> =>
  kubectl(['get', 'serviceaccount', 'default']).then(
    () => true,
    () => false,
  )

/** There is no device: the scheduler places pods by this number, and no more than that. */
const advertiseGpus = (kubectl: Cluster['kubectl'], count: number): Promise<string> =>
  kubectl([
    'patch',
    'node',
    nodeName,
    '--subresource=status',
    '--type=merge',
    '--patch',
    JSON.stringify({ status: { capacity: { 'nvidia.com/gpu': String(count) } } }),
  ])

const startNode = async (record: RunRecord, images: readonly ImageName[]): Promise<Cluster> => {
  const archives = [await pauseArchive(record), ...(await imageArchives(record, images))]
  await setUpNetwork(record)
  say('starting the control plane')
  const plane = await startControlPlane({
    controllerManager: true,
    scheduler: true,
    address: hostAddress,
    record,
  })
  say('starting the node')
  const containerd = await startContainerd(record)
  for (const archive of archives) await containerd.importImage(archive)
  let kubelet = await startKubelet(plane, containerd.socket)
  await startKubeProxy(plane)
  const kubectl: Cluster['kubectl'] = (args, stdin) =>
    run(binary('kubectl'), [`--kubeconfig=${plane.kubeconfig}`, ...args], {
      ...(stdin === undefined ? {} : { stdin }),
    })
  await waitUntil(isNodeReady(kubectl), {
    what: 'waiting for the node to be ready',
    timeoutMs: 120_000,
  })
  await waitUntil(hasServiceAccount(kubectl), {
    what: 'waiting for the default service account',
    timeoutMs: 60_000,
  })
  await advertiseGpus(kubectl, 8)
  await kubectl(['create', '-f', '-'], JSON.stringify(storageClass))
  await startVolumes(plane)
  const restartable: Cluster['kubelet'] = {
    stop: () => kubelet.stop(),
    start: async () => {
      kubelet = await startKubelet(plane, containerd.socket)
      await waitUntil(isNodeReady(kubectl), {
        what: 'waiting for the node to be ready again',
        timeoutMs: 120_000,
      })
    },
  }
  return Object.assign(plane, { containerd, kubectl, kubelet: restartable })
}

/** Starts the cluster; there is one at most on a machine. */
export const startCluster = async ({
  images = [],
  stays = false,
}: ClusterOptions = {}): Promise<Cluster> => {
  await checkMachine()
  await ensureBinaries(programNames)
  const record = openRun({ name: clusterRunName, stays })
  try {
    return await startNode(record, images)
  } catch (error) {
    await record.clean()
    throw error
  }
}
