/**
 * The prepared dataset on disk, little-endian:
 *
 * - `train.rows`, `validation.rows`: header of 40 bytes (magic, u32 version, u32 T, f64 rows, f64 tokens, f64 targets),
 *   then u32 length of each row, then each row's token ids (i32) and flags (u8)
 * - `examples.jsonl`: one validation example per line
 * - `index.json`: the figures again, and the sha256 of each file
 */
import { endianness } from 'node:os'

export const MAGIC = 'ATTUNROW'
export const VERSION = 1
export const HEADER_BYTES = 40
export const BYTES_PER_TOKEN = 5
export const FLAG_LOSS = 1
export const FLAG_DOCUMENT_START = 2

/** The schema's bound on `training.sequenceLength`. */
export const MAX_SEQUENCE_LENGTH = 131_072
export const MAX_ROWS = 2 ** 24
/** Most validation examples that are kept for generation: the schema's bound on a suite's `maxExamples`. */
export const MAX_EXAMPLES = 100_000

export const SETS = ['train', 'validation'] as const
export type SetName = (typeof SETS)[number]
export const rowsFile = (set: SetName): string => `${set}.rows`
export const EXAMPLES_FILE = 'examples.jsonl'
export const INDEX_FILE = 'index.json'

export type SetFigures = {
  readonly rows: number
  /** real tokens over all rows */
  readonly tokens: number
  /** tokens with loss over all rows */
  readonly targets: number
}
export type SetIndex = SetFigures & { readonly sha256: string }
export type PreparedIndex = {
  readonly version: number
  readonly sequenceLength: number
  readonly vocabularySize: number
  readonly train: SetIndex
  readonly validation: SetIndex
  readonly examples: { readonly count: number; readonly sha256: string }
}

export const encodeHeader = (sequenceLength: number, { rows, tokens, targets }: SetFigures) => {
  const header = Buffer.alloc(HEADER_BYTES)
  header.write(MAGIC, 0, 'latin1')
  header.writeUInt32LE(VERSION, 8)
  header.writeUInt32LE(sequenceLength, 12)
  header.writeDoubleLE(rows, 16)
  header.writeDoubleLE(tokens, 24)
  header.writeDoubleLE(targets, 32)
  return header
}

/** Node runs on big-endian machines too (s390x); files stay the same there. */
export const toLittleEndian = (values: Int32Array | Uint32Array): Buffer => {
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength)
  return endianness() === 'LE' ? bytes : Buffer.from(bytes).swap32()
}

export const fromLittleEndian = (bytes: Buffer): ArrayBuffer => {
  const copy = new Uint8Array(bytes.length)
  copy.set(bytes)
  if (endianness() === 'BE') Buffer.from(copy.buffer).swap32()
  return copy.buffer
}
