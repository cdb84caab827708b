/** `npm run demo`: fetches the model, writes the manifest with its place, and hands over to `attune run`. */
import { spawn } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseDocument } from 'yaml'
import { fetchModel } from './fetch-model.ts'

const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, '..', '..')
const folder = join(root, '.attune', 'demo')
const say = (line: string) => process.stdout.write(`${line}\n`)

const absolute = (uri: unknown) => String(uri).replace('file://./', `file://${here}/`)

/** The example's own manifest with absolute places, so that it can be read and run again by hand. */
const writeManifest = async (modelUri: string): Promise<string> => {
  const manifest = parseDocument(await readFile(join(here, 'job.yaml'), 'utf8'))
  manifest.setIn(['spec', 'model', 'source', 'uri'], modelUri)
  for (const path of [
    ['dataset', 'sources', 0],
    ['dataset', 'validation', 'sources', 0],
  ]) {
    const at = ['spec', ...path, 'uri']
    manifest.setIn(at, absolute(manifest.getIn(at)))
  }
  manifest.setIn(['spec', 'output', 'uri'], `file://${folder}/output`)
  await mkdir(folder, { recursive: true })
  const path = join(folder, 'job.yaml')
  await writeFile(path, String(manifest))
  return path
}

const attune = (manifest: string) =>
  spawn(
    process.execPath,
    [
      join(root, 'cli', 'src', 'main.ts'),
      'run',
      manifest,
      '--workspace',
      join(folder, 'workspace'),
      ...process.argv.slice(2),
    ],
    {
      stdio: 'inherit',
    },
  )

const main = async () => {
  const uri = await fetchModel(join(root, '.attune', 'models', 'smollm2-135m-instruct'), say)
  const manifest = await writeManifest(uri)
  say(`job:   ${manifest}`)
  const child = attune(manifest)
  // the terminal sends Ctrl-C to the child too, which saves a checkpoint
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => signal === 'SIGTERM' && child.kill(signal))
  process.exitCode = await new Promise<number>(resolve =>
    child.once('exit', code => resolve(code ?? 1)),
  )
}

await main().catch((error: Error) => {
  process.stderr.write(`demo: ${error.message}\n`)
  process.exitCode = 1
})
