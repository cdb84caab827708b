import { globSync } from 'node:fs'
import { join } from 'node:path'
import { binary } from './binaries.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { repositoryFolder } from './paths.ts'
import { run } from './run-command.ts'
import { waitUntil } from './wait-until.ts'

/** Our kinds, served. Server-side: later `apply` commands of tests are updates, which may come at the same time. */
export const installKinds = async ({ kubeconfig }: ControlPlane): Promise<void> => {
  const files = globSync('crds/*.yaml', { cwd: repositoryFolder }).sort()
  if (files.length === 0) return
  const named = files.map(file => `--filename=${join(repositoryFolder, file)}`)
  const kubectl = (...args: string[]) =>
    run(binary('kubectl'), [`--kubeconfig=${kubeconfig}`, ...args, ...named])
  await kubectl('apply', '--server-side')
  // `kubectl wait` fails on an object that has no conditions yet.
  const areEstablished = (): Promise<boolean> =>
    kubectl('wait', '--for=condition=Established', '--timeout=10s').then(
      () => true,
      () => false,
    )
  await waitUntil(areEstablished, { what: 'waiting for our kinds to be served', timeoutMs: 60_000 })
}

/** The control plane that test files share: with Kubernetes' controllers and with our kinds. */
export const startSharedControlPlane = async (): Promise<ControlPlane> => {
  const plane = await startControlPlane({ controllerManager: true })
  try {
    await installKinds(plane)
    return plane
  } catch (error) {
    await plane.stop()
    throw error
  }
}
