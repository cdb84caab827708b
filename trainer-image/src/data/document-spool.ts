/** Tokenized documents on disk until it is known how they are packed; only their lengths stay in memory. */
import { type FileHandle, open } from 'node:fs/promises'
import type { Document } from './document.ts'
import { growing } from './growing.ts'
import { BYTES_PER_TOKEN, fromLittleEndian, toLittleEndian } from './prepared-format.ts'

const BUFFER_BYTES = 2 ** 20

export type DocumentSpool = Awaited<ReturnType<typeof createDocumentSpool>>

/** @param path made anew; the caller removes it */
export const createDocumentSpool = async (path: string) => {
  const file: FileHandle = await open(path, 'w+')
  const lengths = growing()
  const targetCounts = growing()
  let pending: Uint8Array[] = []
  let pendingBytes = 0
  let offsets: Float64Array | undefined

  const flush = async () => {
    const bytes = Buffer.concat(pending)
    pending = []
    pendingBytes = 0
    let written = 0
    while (written < bytes.length) written += (await file.write(bytes, written)).bytesWritten
  }

  const startOf = (document: number): number => {
    if (offsets === undefined) {
      const all = lengths.values()
      const sums = new Float64Array(all.length)
      for (let index = 1; index < all.length; index++)
        sums[index] = (sums[index - 1] ?? 0) + (all[index - 1] ?? 0) * BYTES_PER_TOKEN
      offsets = sums
    }
    return offsets[document] ?? 0
  }

  return {
    async append({ tokens, loss }: Document) {
      lengths.push(tokens.length)
      targetCounts.push(loss.reduce((sum, flag) => sum + flag, 0))
      offsets = undefined
      pending.push(Uint8Array.from(toLittleEndian(tokens)), loss.slice())
      pendingBytes += tokens.length * BYTES_PER_TOKEN
      if (pendingBytes >= BUFFER_BYTES) await flush()
    },
    /** (documents) tokens of each */
    lengths: () => lengths.values(),
    /** (documents) targets of each */
    targets: () => targetCounts.values(),
    async read(document: number): Promise<Document> {
      if (pendingBytes > 0) await flush()
      const length = lengths.values()[document] ?? 0
      const bytes = Buffer.alloc(length * BYTES_PER_TOKEN)
      const { bytesRead } = await file.read(bytes, 0, bytes.length, startOf(document))
      if (bytesRead !== bytes.length) throw new Error('the document spool was cut short')
      return {
        tokens: new Int32Array(fromLittleEndian(bytes.subarray(0, length * 4))),
        loss: Uint8Array.from(bytes.subarray(length * 4)),
      }
    },
    close: () => file.close(),
  }
}
