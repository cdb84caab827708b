/** `npm run demo`: puts the model where the manifest looks for it and hands over to `attune run`. */
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureModel } from './ensure-model.ts'

const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, '..', '..')
const model = join(root, '.attune', 'models', 'smollm2-135m-instruct')

const attune = (...args: readonly string[]) =>
  spawn(process.execPath, [join(root, 'cli', 'src', 'main.ts'), ...args], { stdio: 'inherit' })

const main = async () => {
  await ensureModel(model, line => process.stdout.write(`${line}\n`))
  const child = attune('run', join(here, 'job.yaml'), ...process.argv.slice(2))
  // a terminal's Ctrl-C reaches the child by itself; it saves a checkpoint, and this process waits for that
  process.on('SIGINT', () => undefined)
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  process.exitCode = await new Promise<number>(resolve =>
    child.once('exit', code => resolve(code ?? 1)),
  )
}

await main().catch((error: Error) => {
  process.stderr.write(`demo: ${error.message}\n`)
  process.exitCode = 1
})
