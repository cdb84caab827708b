/** Reads little-endian values one after the other from a file's beginning, in windows, never beyond the file's end. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { basename } from 'node:path'
import { modelMalformed, sourceNotFound } from '../stage-error.ts'

const WINDOW_BYTES = 1024 * 1024
const MAX_STRING_BYTES = 8 * 1024 * 1024

export type GgufCursor = {
  readonly fileName: string
  readonly fileSize: number
  position(): number
  u8(): number
  u32(): number
  u64(): number
  /** the next `count` bytes, valid until the next call */
  view(count: number): DataView
  string(): string
  close(): void
}

export const openGgufCursor = (path: string): GgufCursor => {
  const fileName = basename(path)
  const descriptor = openFile(path, fileName)
  const fileSize = fstatSync(descriptor).size
  let window = Buffer.alloc(0)
  let start = 0
  let at = 0
  /** @returns where in the window the next `count` bytes are */
  const take = (count: number): number => {
    if (at + count > fileSize)
      throw modelMalformed(
        `GGUF file ${fileName} is cut short within its header: at least ${at + count} bytes expected, the file has ${fileSize}; fetch it again`,
      )
    if (at + count > start + window.length) {
      window = Buffer.alloc(Math.min(Math.max(WINDOW_BYTES, count), fileSize - at))
      start = at
      for (let done = 0; done < window.length; )
        done += readMore(descriptor, window, done, start, fileName)
    }
    at += count
    return at - count - start
  }
  const view = (count: number): DataView => {
    const from = take(count)
    return new DataView(window.buffer, window.byteOffset + from, count)
  }
  const u32 = () => {
    // taking comes first: it may make another window
    const from = take(4)
    return window.readUInt32LE(from)
  }
  const u64 = () => {
    const from = take(8)
    const [low, high] = [window.readUInt32LE(from), window.readUInt32LE(from + 4)]
    if (high >= 2 ** 21)
      throw modelMalformed(
        `GGUF file ${fileName}: impossible number ${window.readBigUInt64LE(from)} at byte ${at - 8}`,
      )
    return high * 2 ** 32 + low
  }
  const string = () => {
    const length = u64()
    if (length > MAX_STRING_BYTES)
      throw modelMalformed(
        `GGUF file ${fileName}: string of ${length} bytes at byte ${at - 8}, at most ${MAX_STRING_BYTES} are read`,
      )
    // a decoder of its own would take U+FEFF, which may be a token, for a mark of byte order
    const from = take(length)
    return window.toString('utf8', from, from + length)
  }
  return {
    fileName,
    fileSize,
    position: () => at,
    u8: () => view(1).getUint8(0),
    u32,
    u64,
    view,
    string,
    close: () => closeSync(descriptor),
  }
}

const openFile = (path: string, fileName: string): number => {
  try {
    return openSync(path, 'r')
  } catch (cause) {
    throw sourceNotFound(`GGUF file ${fileName} cannot be opened: ${cause}`, { cause })
  }
}

const readMore = (
  descriptor: number,
  window: Buffer,
  done: number,
  start: number,
  fileName: string,
): number => {
  const count = readSync(descriptor, window, done, window.length - done, start + done)
  if (count === 0)
    throw modelMalformed(`GGUF file ${fileName} shrank while it was read; fetch it again`)
  return count
}
