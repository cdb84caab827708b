/** Writes the prepared dataset: into a folder beside, flushed, then renamed, so that it is there whole or not at all. */
import { createHash } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { syncFolder, temporaryFor } from '../atomic-file.ts'
import type { DocumentSpool } from './document-spool.ts'
import type { Packing } from './pack.ts'
import type { GenerationExample } from './prepared.ts'
import {
  EXAMPLES_FILE,
  encodeHeader,
  FLAG_DOCUMENT_START,
  FLAG_LOSS,
  INDEX_FILE,
  type PreparedIndex,
  rowsFile,
  SETS,
  type SetFigures,
  type SetIndex,
  type SetName,
  toLittleEndian,
  VERSION,
} from './prepared-format.ts'

const BUFFER_BYTES = 2 ** 20

export type PackedSet = { readonly spool: DocumentSpool; readonly packing: Packing }
export type PreparedContent = {
  readonly sequenceLength: number
  readonly vocabularySize: number
  readonly train: PackedSet
  readonly validation: PackedSet
  readonly examples: readonly GenerationExample[]
}

/** Buffers what is written, hashes it, flushes it to disk at the end. */
const writeHashed = async (
  path: string,
  produce: (write: (bytes: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<string> => {
  const hash = createHash('sha256')
  const file = await open(path, 'wx')
  let pending: Uint8Array[] = []
  let pendingBytes = 0
  const flush = async () => {
    const bytes = Buffer.concat(pending)
    hash.update(bytes)
    await file.appendFile(bytes)
    pending = []
    pendingBytes = 0
  }
  try {
    await produce(async bytes => {
      pending.push(bytes)
      pendingBytes += bytes.length
      if (pendingBytes >= BUFFER_BYTES) await flush()
    })
    await flush()
    await file.sync()
  } finally {
    await file.close()
  }
  return hash.digest('hex')
}

const sum = (values: Int32Array): number => values.reduce((total, value) => total + value, 0)

const figuresOf = ({ spool, packing }: PackedSet): SetFigures => ({
  rows: packing.rows,
  tokens: sum(spool.lengths()),
  targets: sum(spool.targets()),
})

const documentsOf = ({ documents, starts }: Packing, row: number): Int32Array =>
  documents.subarray(starts[row], starts[row + 1])

const rowLengths = ({ spool, packing }: PackedSet): Uint32Array => {
  const lengths = spool.lengths()
  return Uint32Array.from({ length: packing.rows }, (_, row) =>
    documentsOf(packing, row).reduce((total, document) => total + (lengths[document] ?? 0), 0),
  )
}

const writeRow = async (
  { spool, packing }: PackedSet,
  row: number,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<void> => {
  const allFlags: Uint8Array[] = []
  for (const number of documentsOf(packing, row)) {
    const { tokens, loss } = await spool.read(number)
    const flags = loss.map(flag => (flag === 1 ? FLAG_LOSS : 0))
    // a document's first token has nothing before it to be predicted from
    flags[0] = FLAG_DOCUMENT_START
    await write(toLittleEndian(tokens))
    allFlags.push(flags)
  }
  for (const flags of allFlags) await write(flags)
}

const writeSet = async (
  folder: string,
  name: SetName,
  set: PackedSet,
  sequenceLength: number,
  onRow: () => void,
): Promise<SetIndex> => {
  const figures = figuresOf(set)
  const sha256 = await writeHashed(join(folder, rowsFile(name)), async write => {
    await write(encodeHeader(sequenceLength, figures))
    await write(toLittleEndian(rowLengths(set)))
    for (let row = 0; row < set.packing.rows; row++) {
      await writeRow(set, row, write)
      onRow()
    }
  })
  return { ...figures, sha256 }
}

const writeExamples = async (folder: string, examples: readonly GenerationExample[]) => ({
  count: examples.length,
  sha256: await writeHashed(join(folder, EXAMPLES_FILE), async write => {
    for (const example of examples) {
      const line = JSON.stringify({ ...example, promptTokens: [...example.promptTokens] })
      await write(Buffer.from(`${line}\n`))
    }
  }),
})

/**
 * @param folder replaced if it exists
 * @param onProgress share of the rows that is written, 0…1; may throw to stop
 * @returns sha256 over everything written
 */
export const writePrepared = async (
  folder: string,
  content: PreparedContent,
  onProgress: (fraction: number) => void = () => {},
): Promise<string> => {
  const { sequenceLength, vocabularySize, examples } = content
  const temporary = temporaryFor(folder)
  const allRows = SETS.reduce((rows, set) => rows + content[set].packing.rows, 0)
  let done = 0
  const onRow = () => onProgress(++done / allRows)
  try {
    await mkdir(temporary)
    const index: PreparedIndex = {
      version: VERSION,
      sequenceLength,
      vocabularySize,
      train: await writeSet(temporary, 'train', content.train, sequenceLength, onRow),
      validation: await writeSet(
        temporary,
        'validation',
        content.validation,
        sequenceLength,
        onRow,
      ),
      examples: await writeExamples(temporary, examples),
    }
    const digest = await writeHashed(join(temporary, INDEX_FILE), write =>
      write(Buffer.from(`${JSON.stringify(index, null, 2)}\n`)),
    )
    await syncFolder(temporary)
    await rm(folder, { recursive: true, force: true })
    await rename(temporary, folder)
    await syncFolder(dirname(folder))
    return digest
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    throw error
  }
}
