/** Lines of a file in bounded memory, whatever the file's size. */
import { createReadStream } from 'node:fs'
import { datasetMalformed } from '../stage-error.ts'

/** Longest example that is read; at four bytes a token about two million tokens. */
export const LINE_MAX_BYTES = 8 * 2 ** 20
const LINE_FEED = 0x0a
const BYTE_ORDER_MARK = '\ufeff'

export type Line = {
  /** from 1 */
  readonly number: number
  readonly text: string
  /** position in the file after this line */
  readonly bytesRead: number
}

const tooLong = (file: string, number: number, maxBytes: number) =>
  datasetMalformed(
    `${file} line ${number}: longer than ${maxBytes} bytes; is it one JSON object per line?`,
  )

const decode = (file: string, number: number, bytes: Buffer): string => {
  try {
    // ignoreBOM keeps the mark, so that only the one at the start of the file is removed
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return number === 1 && text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text
  } catch (cause) {
    throw datasetMalformed(`${file} line ${number}: not UTF-8; save the file as UTF-8`, { cause })
  }
}

/** @param file name for messages */
export async function* readLines(
  path: string,
  file: string,
  maxBytes = LINE_MAX_BYTES,
): AsyncGenerator<Line> {
  let pending: Buffer[] = []
  let pendingBytes = 0
  let number = 0
  let bytesRead = 0
  const take = (rest: Buffer): Line => {
    number += 1
    pendingBytes += rest.length
    if (pendingBytes > maxBytes) throw tooLong(file, number, maxBytes)
    bytesRead += pendingBytes + 1
    const text = decode(file, number, Buffer.concat([...pending, rest]))
    pending = []
    pendingBytes = 0
    return { number, text, bytesRead }
  }
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    let start = 0
    for (;;) {
      const end = chunk.indexOf(LINE_FEED, start)
      if (end < 0) break
      yield take(chunk.subarray(start, end))
      start = end + 1
    }
    if (start === chunk.length) continue
    pending.push(chunk.subarray(start))
    pendingBytes += chunk.length - start
    if (pendingBytes > maxBytes) throw tooLong(file, number + 1, maxBytes)
  }
  if (pendingBytes > 0) yield take(Buffer.alloc(0))
}
