/**
 * The prepared dataset as stages read it. T = sequence length.
 * Written by Prepare below `<workspace>/prepare/<key>/dataset`, opened by Train and Evaluate.
 */

/** One row of T tokens: one document, or several packed ones, then padding. */
export type Row = {
  /** (T) token ids; 0 where padded */
  readonly tokens: Int32Array
  /** (T) position within the document, from 0 */
  readonly positions: Int32Array
  /** (T) 1, 2, … per document of the row; 0 where padded. Tokens attend only within their segment. */
  readonly segments: Int32Array
  /** (T) 1 where the token is to be predicted (from the one before it); never at a document's first token */
  readonly loss: Uint8Array
}

/** A validation example to answer by generation. */
export type GenerationExample = {
  readonly id: string
  /** prompt up to and with the generation prompt, by the chat template */
  readonly promptTokens: Int32Array
  /** prompt and reference as text, for reports */
  readonly prompt: string
  readonly reference: string
  /** value of the category column, or `all` */
  readonly slice: string
}

export type RowSet = {
  readonly count: number
  /** real tokens over all rows */
  readonly tokens: number
  /** tokens with loss over all rows */
  readonly targets: number
  row(index: number): Row
}

export type PreparedDataset = {
  readonly sequenceLength: number
  readonly train: RowSet
  readonly validation: RowSet
  readonly examples: readonly GenerationExample[]
}
