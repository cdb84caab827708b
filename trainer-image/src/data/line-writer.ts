/** Lines into a file, buffered, hashed, flushed to disk at the end. */
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'

const BUFFER_CHARACTERS = 2 ** 20

export const createLineWriter = async (path: string) => {
  const file = await open(path, 'w')
  const hash = createHash('sha256')
  let pending = ''
  const flush = async () => {
    const bytes = Buffer.from(pending)
    pending = ''
    hash.update(bytes)
    await file.appendFile(bytes)
  }
  return {
    async write(line: string) {
      pending += `${line}\n`
      if (pending.length >= BUFFER_CHARACTERS) await flush()
    },
    /** @returns sha256 of the file, in hex */
    async finish(): Promise<string> {
      await flush()
      await file.sync()
      return hash.digest('hex')
    },
    close: () => file.close(),
  }
}
