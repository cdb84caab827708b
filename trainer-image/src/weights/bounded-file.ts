/** A file of known size, read by exact ranges; a range outside of it is an error of the file, not of the caller. */
import { type FileHandle, open } from 'node:fs/promises'
import { basename } from 'node:path'
import { modelMalformed, sourceNotFound } from '../stage-error.ts'

export type BoundedFile = {
  readonly path: string
  /** for messages */
  readonly name: string
  readonly size: number
  /** fills `target` from byte `position` on */
  readInto(target: Uint8Array, position: number): Promise<void>
  close(): Promise<void>
}

export const openBoundedFile = async (path: string): Promise<BoundedFile> => {
  const name = basename(path)
  const handle = await open(path, 'r').catch(cause => {
    throw sourceNotFound(`model file ${name} cannot be opened: ${cause.code ?? cause.message}`, {
      cause,
    })
  })
  const { size } = await handle.stat()
  return {
    path,
    name,
    size,
    readInto: (target, position) => readInto(handle, name, size, target, position),
    close: () => handle.close(),
  }
}

const readInto = async (
  handle: FileHandle,
  name: string,
  size: number,
  target: Uint8Array,
  position: number,
) => {
  if (position < 0 || position + target.byteLength > size)
    throw modelMalformed(
      `model file ${name} is cut short: bytes ${position} to ${position + target.byteLength} expected, the file has ${size}; fetch it again`,
    )
  let done = 0
  while (done < target.byteLength) {
    const { bytesRead } = await handle.read(target, done, target.byteLength - done, position + done)
    if (bytesRead === 0)
      throw modelMalformed(`model file ${name} shrank while it was read; fetch it again`)
    done += bytesRead
  }
}
