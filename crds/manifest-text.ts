/** YAML text → documents as plain values that know where each field stands. */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
} from 'yaml'
import type { FieldPath } from './schema-node.ts'
import { KUBERNETES_SCALARS } from './yaml-scalars.ts'

/** etcd stores at most 1.5 MiB of an object. */
export const MAX_MANIFEST_BYTES = 1 << 20
const MAX_DOCUMENTS = 100
const MAX_ALIASES = 100
const TOO_DEEP = 'nested too deeply'

export type Position = { readonly line: number; readonly column: number }
/** `key`: where the field's name stands; `value`: what was given for it. */
export type Part = 'key' | 'value'
export type TextError = Position & { readonly message: string }
export type ManifestDocument = Position & {
  readonly value: unknown
  /** A field that is not in the text has the place of the nearest one around it. */
  readonly locate: (path: FieldPath, part: Part) => Position
}

const keyOf = (pair: Pair): string => String(isScalar(pair.key) ? pair.key.value : pair.key)

const resolved = (node: unknown, document: Document): unknown =>
  isAlias(node) ? node.resolve(document) : node

const startOf = (node: unknown): number | undefined => (node as Node | null)?.range?.[0]

type Step = {
  readonly node: unknown
  readonly key: number | undefined
  readonly value: number | undefined
}

const descend = (node: unknown, step: string | number): Step | undefined => {
  if (isMap(node)) {
    const pair = node.items.find(item => keyOf(item) === String(step))
    if (!pair) return undefined
    return { node: pair.value, key: startOf(pair.key), value: startOf(pair.value) }
  }
  if (isSeq(node) && typeof step === 'number' && step < node.items.length) {
    const start = startOf(node.items[step])
    return { node: node.items[step], key: start, value: start }
  }
  return undefined
}

const offsetOf = (document: Document, path: FieldPath, part: Part): number => {
  let node: unknown = document.contents
  let offset = startOf(node) ?? 0
  for (const [i, step] of path.entries()) {
    const next = descend(resolved(node, document), step)
    if (!next) break
    const last = i === path.length - 1
    offset = (last && part === 'value' ? next.value : next.key) ?? next.key ?? offset
    node = next.node
  }
  return offset
}

const readDocument = (
  document: Document.Parsed,
  at: (offset: number) => Position,
): ManifestDocument | TextError[] => {
  // the parser reports its own stack overflow as one more error of the text
  if (document.errors.some(error => error.message.includes('call stack')))
    return [{ ...at(document.range[0]), message: TOO_DEEP }]
  if (document.errors.length)
    return document.errors.map(error => ({ ...at(error.pos[0]), message: error.message }))
  try {
    return {
      value: document.toJS({ maxAliasCount: MAX_ALIASES }),
      ...at(startOf(document.contents) ?? document.range[0]),
      locate: (path, part) => at(offsetOf(document, path, part)),
    }
  } catch (error) {
    const message = error instanceof RangeError ? TOO_DEEP : (error as Error).message
    return [{ ...at(document.range[0]), message }]
  }
}

const whole = (message: string): TextError[] => [{ line: 1, column: 1, message }]

/** @returns the documents that can be read, and an error for each that cannot */
export const readManifestText = (
  text: string,
): { readonly documents: readonly ManifestDocument[]; readonly errors: readonly TextError[] } => {
  const bytes = Buffer.byteLength(text)
  if (bytes > MAX_MANIFEST_BYTES)
    return {
      documents: [],
      errors: whole(`${bytes} bytes; at most ${MAX_MANIFEST_BYTES} are read`),
    }
  const lines = new LineCounter()
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  try {
    const parsed = parseAllDocuments(text, {
      lineCounter: lines,
      schema: 'failsafe',
      customTags: [...KUBERNETES_SCALARS],
      merge: true,
      prettyErrors: false,
      logLevel: 'silent',
    })
    const found = 'empty' in parsed ? [] : parsed
    if (found.length > MAX_DOCUMENTS)
      return { documents: [], errors: whole(`${found.length} documents; at most ${MAX_DOCUMENTS}`) }
    const read = found.map(document => readDocument(document, at))
    const documents = read.flatMap(item => (Array.isArray(item) ? [] : [item]))
    return {
      documents: documents.filter(document => document.value !== null),
      errors: read.flatMap(item => (Array.isArray(item) ? item : [])),
    }
  } catch (error) {
    if (error instanceof RangeError) return { documents: [], errors: whole(TOO_DEEP) }
    throw error
  }
}
