/** Starts a cluster that stays: `npm run cluster:up [-- --no-images]`. */
import process from 'node:process'
import { imageNames } from './images.ts'
import { startCluster } from './node.ts'
import { say } from './say.ts'

const images = process.argv.includes('--no-images') ? [] : imageNames
try {
  const { kubeconfig } = await startCluster({ images, stays: true })
  say('the cluster is up; `npm run cluster:down` removes every trace of it')
  process.stdout.write(`export KUBECONFIG=${kubeconfig}\n`)
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
