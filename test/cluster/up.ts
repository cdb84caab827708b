/** Starts a cluster that stays: `npm run cluster:up [-- --no-images]`. */
import { dirname } from 'node:path'
import process from 'node:process'
import { binary } from './binaries.ts'
import { imageNames, imageTag } from './images.ts'
import { startCluster } from './node.ts'
import { say } from './say.ts'

const images = process.argv.includes('--no-images') ? [] : imageNames
/** With the images that are loaded; there is no registry to pull others from. */
const installCommand = (): string => {
  const sets = Object.entries({ image: 'operator', trainerImage: 'trainer' } as const).flatMap(
    ([value, name]) => {
      const [repository, tag] = imageTag(name).split(':')
      return [`--set ${value}.repository=${repository}`, `--set ${value}.tag=${tag}`]
    },
  )
  return [
    'helm install attune charts/attune --namespace attune-system --create-namespace',
    ...sets,
  ].join(' \\\n  ')
}

try {
  const { kubeconfig } = await startCluster({ images, stays: true })
  say('the cluster is up; `npm run cluster:down` removes every trace of it')
  process.stdout.write(`export KUBECONFIG=${kubeconfig}\n`)
  const tools = [binary('kubectl'), binary('helm')].map(path => dirname(path)).join(':')
  process.stdout.write(`export PATH=${tools}:$PATH\n`)
  if (images.length > 0) process.stdout.write(`${installCommand()}\n`)
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
