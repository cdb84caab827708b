/** Every example of the data files once, in order: parsed, told from its duplicates, given a side. */
import { setImmediate } from 'node:timers/promises'
import type { ResolvedDataset } from '@attune/crds/resolved-spec.ts'
import { datasetMalformed } from '../stage-error.ts'
import { type Conversation, contentHash } from './conversation.ts'
import {
  detectFormat,
  type Format,
  isFields,
  keysOf,
  parseExample,
  UNCATEGORIZED,
} from './format.ts'
import type { Origin } from './malformed.ts'
import { DEFAULT_FRACTION } from './quality.ts'
import { type DataFile, readRecords } from './read-records.ts'
import type { Side } from './slices.ts'
import { isHeldOut } from './split.ts'

/** A JavaScript Set holds 2 ** 24 entries; half of that is some 800 MB of hashes. */
const MAX_EXAMPLES = 2 ** 23
/** 128 bits: a collision among that many examples is out of the question. */
const HASH_DIGITS = 32
const YIELD_EVERY = 64

export type SourceFile = DataFile & { readonly format: Format | 'Auto' }

/** `sources`: whether there are files to validate on */
export type Split = { readonly fraction?: number; readonly sources?: readonly unknown[] }

export type ReadOptions = {
  readonly train: readonly SourceFile[]
  /** files to validate on; absent: a fraction of the training files */
  readonly validation?: readonly SourceFile[] | undefined
  readonly dataset: Pick<ResolvedDataset, 'columns' | 'categoryColumn'> & {
    readonly validation: Split
  }
  readonly signal: AbortSignal
  /** share of the files that is read, 0…1 */
  readonly onProgress: (fraction: number) => void
}

export type Example = {
  readonly conversation: Conversation
  /** start of the hash of its content */
  readonly id: string
  readonly side: Side
  readonly origin: Origin
}
export type Take = (example: Example) => Promise<void>
export type ReadCounts = {
  /** examples in all files */
  readonly read: number
  /** those whose content stands earlier, or in the validation data; left out */
  readonly duplicates: number
}

type State = {
  read: number
  duplicates: number
  readonly seen: Set<string>
  /** whether an example has a category, where the spec names a column for it */
  categorized: boolean
  firstKeys?: string
}

const readFile = async (
  { file, sideOf }: { readonly file: SourceFile; readonly sideOf: (hash: string) => Side },
  state: State,
  options: ReadOptions,
  take: Take,
  onFraction: (fraction: number) => void,
): Promise<void> => {
  const { columns = {}, categoryColumn } = options.dataset
  let format = file.format === 'Auto' ? undefined : file.format
  let examples = 0
  for await (const { value, origin, fraction } of readRecords(file)) {
    format ??= detectFormat(value, columns, origin)
    const conversation = parseExample(value, { format, columns, categoryColumn }, origin)
    examples += 1
    state.read += 1
    // what Curate wrote may have no categories
    if (conversation.slice !== UNCATEGORIZED || format === 'Curated') state.categorized = true
    state.firstKeys ??= isFields(value) ? keysOf(value) : ''
    if (state.read > MAX_EXAMPLES)
      throw datasetMalformed(`${file.name}: more than ${MAX_EXAMPLES} examples in all files`)
    const hash = contentHash(conversation)
    const id = hash.slice(0, HASH_DIGITS)
    if (state.seen.has(id)) state.duplicates += 1
    else {
      state.seen.add(id)
      await take({ conversation, id, side: sideOf(hash), origin })
    }
    if (examples % YIELD_EVERY !== 1) continue
    // lets /progress and SIGTERM be answered between examples
    await setImmediate()
    options.signal.throwIfAborted()
    onFraction(fraction)
  }
  if (examples === 0) throw datasetMalformed(`${file.name}: no examples`)
}

/** Validation files come first, so that an example that is in both stays out of the training data. */
const inOrder = ({ train, validation, dataset }: ReadOptions) => {
  const fraction = dataset.validation.fraction ?? DEFAULT_FRACTION
  const bySource = (side: Side) => (): Side => side
  const byHash = (hash: string): Side => (isHeldOut(hash, fraction) ? 'validation' : 'train')
  return [
    ...(validation ?? []).map(file => ({ file, sideOf: bySource('validation') })),
    ...train.map(file => ({ file, sideOf: validation ? bySource('train') : byHash })),
  ]
}

/** @param take is given each example that was not seen before */
export const readExamples = async (options: ReadOptions, take: Take): Promise<ReadCounts> => {
  const state: State = { read: 0, duplicates: 0, seen: new Set(), categorized: false }
  const files = inOrder(options)
  for (const [index, file] of files.entries()) {
    await readFile(file, state, options, take, fraction =>
      options.onProgress((index + fraction) / files.length),
    )
  }
  const { categoryColumn } = options.dataset
  if (categoryColumn !== undefined && !state.categorized)
    throw datasetMalformed(
      `dataset.categoryColumn ${categoryColumn}: no example has this key; the first one has ${state.firstKeys}`,
    )
  return { read: state.read, duplicates: state.duplicates }
}
