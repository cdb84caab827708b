/** Streams a remote file to disk: resumed after an interruption, checked, and under its name only once it is whole. */
import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { invalidSpec } from '../stage-error.ts'
import { type Checksum, matches } from './file-digest.ts'
import { type RetryOptions, withRetry } from './retry.ts'

/** Bytes from `offset` on, which may be less than asked for: then the file starts anew there. */
export type OpenedStream = {
  readonly offset: number
  readonly totalBytes: number | undefined
  readonly body: AsyncIterable<Uint8Array>
}

export type Download = {
  /** for messages */
  readonly what: string
  readonly path: string
  /** tells one content from another, so that a later process can go on; undefined: only this one can */
  readonly identity: string | undefined
  readonly checksum: Checksum | undefined
  readonly maxBytes: number
  /** opens the file from `offset` on; aborted when no bytes come for a while */
  open(offset: number, signal: AbortSignal): Promise<OpenedStream>
  readonly onBytes: (done: number, total: number | undefined) => void
}

/** No byte for this long: the connection is taken for dead. */
const IDLE_MS = 60_000

/**
 * On failure nothing stays. When stopped by `signal`, the part that is there stays beside the destination
 * and the next download of the same content goes on from it.
 */
export const download = async (
  file: Download,
  signal: AbortSignal,
  retry?: RetryOptions,
): Promise<void> => {
  await mkdir(dirname(file.path), { recursive: true })
  const partial = partialPath(file)
  try {
    await withRetry(file.what, () => attempt(file, partial, signal), signal, retry)
    await rename(partial, file.path)
  } catch (error) {
    if (!signal.aborted || file.identity === undefined) await rm(partial, { force: true })
    throw error
  }
}

const partialPath = ({ path, identity }: Download) =>
  `${path}.${identity === undefined ? '' : `${identity.replace(/[^\w-]/g, '').slice(0, 64)}.`}partial`

const attempt = async (file: Download, partial: string, signal: AbortSignal): Promise<void> => {
  const present = (await stat(partial).catch(() => undefined))?.size ?? 0
  const idle = new AbortController()
  const opened = await within(idle, () =>
    file.open(present, AbortSignal.any([signal, idle.signal])),
  )
  const total = opened.totalBytes
  if (total !== undefined && total > file.maxBytes) throw tooLarge(file, total)
  const done = await append(file, partial, opened, idle)
  if (total !== undefined && done !== total) {
    // longer than the source says: the part is of no use
    if (done > total) await rm(partial, { force: true })
    throw new Error(`${done} of ${total} bytes came`)
  }
  if (file.checksum && !(await matches(partial, file.checksum, signal))) {
    await rm(partial, { force: true })
    throw new Error(
      `the bytes that came do not have the ${file.checksum.kind} that the source gives`,
    )
  }
}

const tooLarge = (file: Download, bytes: number) =>
  invalidSpec(
    `${file.what} has ${bytes} bytes, at most ${file.maxBytes} are fetched; choose a smaller file`,
  )

const append = async (
  file: Download,
  partial: string,
  { offset, totalBytes, body }: OpenedStream,
  idle: AbortController,
): Promise<number> => {
  const handle = await open(partial, offset > 0 ? 'r+' : 'w')
  try {
    await handle.truncate(offset)
    let done = offset
    const chunks = body[Symbol.asyncIterator]()
    for (;;) {
      const next = await within(idle, () => chunks.next())
      if (next.done) break
      await writeAll(handle, next.value, done)
      done += next.value.length
      if (done > file.maxBytes) throw tooLarge(file, done)
      file.onBytes(done, totalBytes)
    }
    await handle.sync()
    return done
  } finally {
    await handle.close()
  }
}

const writeAll = async (
  handle: Awaited<ReturnType<typeof open>>,
  bytes: Uint8Array,
  position: number,
) => {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, position + at)
    at += bytesWritten
  }
}

const within = async <T>(idle: AbortController, action: () => Promise<T>): Promise<T> => {
  const timer = setTimeout(
    () => idle.abort(new Error(`no answer for ${IDLE_MS / 1000} s`)),
    IDLE_MS,
  )
  try {
    return await action()
  } finally {
    clearTimeout(timer)
  }
}
