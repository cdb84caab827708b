/** GGUF's tensor names (gguf-py, tensor_mapping.py) and their Hugging Face counterparts. */
import { type GgufArchitecture, LLAMA } from './gguf-architecture.ts'

const TOP: Readonly<Record<string, string>> = {
  'token_embd.weight': 'model.embed_tokens.weight',
  'output_norm.weight': 'model.norm.weight',
  'output.weight': 'lm_head.weight',
}
const BLOCK_NAME = /^blk\.(\d{1,5})\.([a-z_]+)\.(weight|bias)$/

/** @returns the Hugging Face name; the GGUF name itself where there is none */
export const huggingFaceName = (ggufName: string, { modules }: GgufArchitecture): string => {
  const top = TOP[ggufName]
  if (top) return top
  const [, layer, module = '', kind] = BLOCK_NAME.exec(ggufName) ?? []
  const name = modules[module]
  return name ? `model.layers.${layer}.${name}.${kind}` : ggufName
}

const swapped = (table: Readonly<Record<string, string>>) =>
  new Map(Object.entries(table).map(([gguf, name]) => [name, gguf]))
const GGUF_TOP = swapped(TOP)
const LAYER_NAME = /^model\.layers\.(\d{1,5})\.([a-z_.]+)\.(weight|bias)$/

/** The inverse of `huggingFaceName`. */
export const ggufName = (name: string, { modules }: GgufArchitecture = LLAMA): string => {
  const top = GGUF_TOP.get(name)
  if (top) return top
  const [, layer, module = '', kind] = LAYER_NAME.exec(name) ?? []
  const block = swapped(modules).get(module)
  if (!block) throw new TypeError(`tensor ${name} has no name in GGUF`)
  return `blk.${layer}.${block}.${kind}`
}

/** @param source row of a head → the row whose values it gets */
const moveRows = (
  data: Float32Array,
  columns: number,
  headDim: number,
  source: (row: number) => number,
): void => {
  const headSize = headDim * columns
  const head = new Float32Array(headSize)
  for (let start = 0; start < data.length; start += headSize) {
    head.set(data.subarray(start, start + headSize))
    for (let row = 0; row < headDim; row++) {
      const from = source(row) * columns
      data.set(head.subarray(from, from + columns), start + row * columns)
    }
  }
}

/**
 * Undoes the reordering of Q's and K's rows for RoPE, in place: GGUF pairs row 2j with 2j + 1 within a
 * head (interleaved), Hugging Face row j with j + D/2 (split halves). D = rows of a head.
 * Formula: convert_hf_to_gguf.py's permute, inverted.
 */
export const unpermuteRows = (data: Float32Array, columns: number, headDim: number): void => {
  const half = headDim / 2
  moveRows(data, columns, headDim, row => (row < half ? 2 * row : 2 * (row - half) + 1))
}

/** The reordering itself, in place: the inverse of `unpermuteRows`. */
export const permuteRows = (data: Float32Array, columns: number, headDim: number): void =>
  moveRows(data, columns, headDim, row => (row >> 1) + (row & 1) * (headDim / 2))
