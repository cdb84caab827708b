/** The chart on the cluster under test, with the images that are loaded there. */
import { join } from 'node:path'
import { binary } from '../binaries.ts'
import { type ImageName, imageTag } from '../images.ts'
import type { Cluster } from '../node.ts'
import { repositoryFolder } from '../paths.ts'
import { run } from '../run-command.ts'

const CHART = join(repositoryFolder, 'charts', 'attune')
const RELEASE = 'attune'
export const SYSTEM_NAMESPACE = 'attune-system'

const split = (name: ImageName): readonly [repository: string, tag: string] => {
  const [repository = '', tag = ''] = imageTag(name).split(':')
  return [repository, tag]
}

const helm = ({ kubeconfig }: Cluster, ...args: readonly string[]): Promise<string> =>
  run(binary('helm'), [...args, '-n', SYSTEM_NAMESPACE, `--kubeconfig=${kubeconfig}`], {
    timeoutMs: 240_000,
  })

/** Installs or upgrades, and returns once the operator is ready. */
export const installChart = (
  cluster: Cluster,
  more: Readonly<Record<string, string>> = {},
): Promise<string> => {
  const [operator, operatorTag] = split('operator')
  const [trainer, trainerTag] = split('trainer')
  const values = {
    'image.repository': operator,
    'image.tag': operatorTag,
    'image.pullPolicy': 'Never',
    'trainerImage.repository': trainer,
    'trainerImage.tag': trainerTag,
    ...more,
  }
  const sets = Object.entries(values).flatMap(([key, value]) => ['--set', `${key}=${value}`])
  const wait = ['--create-namespace', '--wait', '--timeout', '3m']
  return helm(cluster, 'upgrade', '--install', RELEASE, CHART, ...wait, ...sets)
}

export const uninstallChart = (cluster: Cluster): Promise<string> =>
  helm(cluster, 'uninstall', RELEASE, '--wait', '--timeout', '2m')
