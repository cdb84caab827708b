/** A real etcd and kube-apiserver on loopback, with or without controller manager and scheduler. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { binary, ensureBinaries, type ProgramName } from './binaries.ts'
import { answersOk, type Component, startComponent } from './component.ts'
import { createCredentials, type Credentials } from './credentials.ts'
import { type Etcd, startEtcd } from './etcd.ts'
import { freePorts } from './ports.ts'
import { cleanCrashedRuns, openRun, type RunRecord } from './run-record.ts'

export type ControlPlaneOptions = {
  /** Runs Kubernetes' own controllers: garbage collection, namespaces, Jobs, service accounts. */
  readonly controllerManager?: boolean
  readonly scheduler?: boolean
  readonly address?: string
  /** Further flags of kube-apiserver, such as `--watch-cache=false`. */
  readonly apiServerArgs?: readonly string[]
  /** Where to record what is started; by default a run that ends with this process. */
  readonly record?: RunRecord
}

export type ControlPlane = {
  /** Path of a kubeconfig file with all rights. */
  readonly kubeconfig: string
  readonly server: string
  readonly credentials: Credentials
  readonly record: RunRecord
  readonly apiServerPid: number
  /** Ends the API server at once, as a crash would, and starts it on the same port. */
  restartApiServer(): Promise<void>
  stopApiServer(): Promise<void>
  startApiServer(): Promise<void>
  /** Compacts etcd up to its current revision, which it returns. */
  compact(): Promise<number>
  stop(): Promise<void>
}

type Settings = {
  readonly record: RunRecord
  readonly credentials: Credentials
  readonly etcd: Etcd
  readonly address: string
  readonly port: number
  readonly withServiceAccounts: boolean
  readonly extraArgs: readonly string[]
}

const apiServerArgs = (settings: Settings): string[] => {
  const { credentials, etcd, address, port } = settings
  const { serviceAccountKey } = credentials
  return [
    `--etcd-servers=${etcd.url}`,
    `--bind-address=${address}`,
    `--advertise-address=${address}`,
    `--secure-port=${port}`,
    `--cert-dir=${credentials.certificateFolder}`,
    `--token-auth-file=${credentials.tokenFile}`,
    `--service-account-key-file=${serviceAccountKey}`,
    `--service-account-signing-key-file=${serviceAccountKey}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    '--authorization-mode=Node,RBAC',
    '--service-cluster-ip-range=10.96.0.0/16',
    '--allow-privileged',
    '--enable-admission-plugins=NodeRestriction',
    // Without its controller no namespace gets a service account, and no pod could be created.
    ...(settings.withServiceAccounts ? [] : ['--disable-admission-plugins=ServiceAccount']),
    // Endpoints refuse 127.0.0.0/8, and nothing reaches a Service without a node.
    ...(address.startsWith('127.') ? ['--endpoint-reconciler-type=none'] : []),
    ...settings.extraArgs,
  ]
}

const startServer = (settings: Settings): Promise<Component> =>
  startComponent(settings.record, {
    name: 'kube-apiserver',
    command: binary('kube-apiserver'),
    args: apiServerArgs(settings),
    isReady: () => answersOk(`https://${settings.address}:${settings.port}/readyz`),
    timeoutMs: 120_000,
  })

const startControllers = async ({ record, credentials }: Settings): Promise<void> => {
  const [port] = await freePorts(1)
  await startComponent(record, {
    name: 'kube-controller-manager',
    command: binary('kube-controller-manager'),
    args: [
      `--kubeconfig=${credentials.kubeconfigFile('kube-controller-manager')}`,
      '--leader-elect=false',
      '--bind-address=127.0.0.1',
      `--secure-port=${port}`,
      `--cert-dir=${join(record.folder, 'controller-manager-certificates')}`,
      `--service-account-private-key-file=${credentials.serviceAccountKey}`,
      `--root-ca-file=${credentials.certificateFile}`,
      '--use-service-account-credentials',
      '--node-monitor-grace-period=2m',
    ],
    isReady: () => answersOk(`https://127.0.0.1:${port}/healthz`),
  })
}

const startScheduler = async ({ record, credentials }: Settings): Promise<void> => {
  const [port] = await freePorts(1)
  await startComponent(record, {
    name: 'kube-scheduler',
    command: binary('kube-scheduler'),
    args: [
      `--kubeconfig=${credentials.kubeconfigFile('kube-scheduler')}`,
      `--authentication-kubeconfig=${credentials.kubeconfigFile('kube-scheduler')}`,
      '--leader-elect=false',
      '--bind-address=127.0.0.1',
      `--secure-port=${port}`,
      `--cert-dir=${join(record.folder, 'scheduler-certificates')}`,
    ],
    isReady: () => answersOk(`https://127.0.0.1:${port}/healthz`),
  })
}

const neededPrograms = (options: ControlPlaneOptions): ProgramName[] => [
  'kube-apiserver',
  'kubectl',
  ...(options.controllerManager ? ['kube-controller-manager' as const] : []),
  ...(options.scheduler ? ['kube-scheduler' as const] : []),
]

const startAll = async (record: RunRecord, options: ControlPlaneOptions): Promise<ControlPlane> => {
  const { address = '127.0.0.1' } = options
  const etcd = await startEtcd(record)
  const [port] = await freePorts(1, address)
  const credentials = createCredentials(record.folder)
  const settings: Settings = {
    record,
    credentials,
    etcd,
    address,
    port: port as number,
    withServiceAccounts: options.controllerManager === true,
    extraArgs: options.apiServerArgs ?? [],
  }
  let apiServer = await startServer(settings)
  const server = `https://${address}:${port}`
  credentials.writeKubeconfigs(server)
  if (options.controllerManager) await startControllers(settings)
  if (options.scheduler) await startScheduler(settings)
  const stopApiServer = (): Promise<void> => apiServer.stop()
  const startApiServer = async (): Promise<void> => {
    apiServer = await startServer(settings)
  }
  return {
    kubeconfig: credentials.kubeconfigFile('admin'),
    server,
    credentials,
    record,
    get apiServerPid() {
      return apiServer.id.pid
    },
    stopApiServer,
    startApiServer,
    restartApiServer: async () => {
      await stopApiServer()
      await startApiServer()
    },
    compact: () => etcd.compact(),
    stop: () => record.clean(),
  }
}

/** Starts a control plane; builds its programs first where the cache lacks them. */
export const startControlPlane = async (
  options: ControlPlaneOptions = {},
): Promise<ControlPlane> => {
  if (!existsSync('/proc/self/stat')) throw new Error('the cluster harness runs on Linux only')
  await cleanCrashedRuns()
  await ensureBinaries(neededPrograms(options))
  const record = options.record ?? openRun()
  try {
    return await startAll(record, options)
  } catch (error) {
    await record.clean()
    throw error
  }
}
