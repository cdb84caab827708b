/** Bodies of responses, whole or by the line, none of them without a bound. */
import { KubeError, RESPONSE_TOO_LARGE } from './kube-error.ts'

const NEWLINE = 0x0a

const tooLarge = (what: string, maxBytes: number) =>
  new KubeError({
    status: 0,
    reason: RESPONSE_TOO_LARGE,
    message: `${what} is larger than ${maxBytes} bytes: ask for fewer objects`,
  })

export const readText = async (body: AsyncIterable<Buffer>, maxBytes: number): Promise<string> => {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > maxBytes) throw tooLarge('the response', maxBytes)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, bytes).toString('utf8')
}

/** Lines without their newline; the stream must end with one, else it was cut. */
export async function* readLines(
  body: AsyncIterable<Buffer>,
  maxLineBytes: number,
): AsyncGenerator<string, void> {
  let parts: Buffer[] = []
  let bytes = 0
  const keep = (part: Buffer) => {
    bytes += part.length
    if (bytes > maxLineBytes) throw tooLarge('a line of the response', maxLineBytes)
    if (part.length > 0) parts.push(part)
  }
  for await (const chunk of body) {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      keep(chunk.subarray(start, end))
      const line = Buffer.concat(parts, bytes).toString('utf8')
      parts = []
      bytes = 0
      start = end + 1
      if (line.length > 0) yield line
    }
    keep(chunk.subarray(start))
  }
  if (bytes > 0) throw new Error('the stream ended in the middle of a line')
}
