/** The weights that training has made, whatever it trained: an adapter merged into the base, or the whole model. */
import { modelMalformed } from '../stage-error.ts'
import {
  type AdapterConfig,
  type AdapterTensors,
  adapterNames,
  scaleOf,
  type Tensor,
  wholeName,
} from './adapter.ts'
import type { Weights } from './config.ts'

export type Trained =
  | {
      readonly type: 'Adapter'
      readonly config: AdapterConfig
      readonly tensors: AdapterTensors
    }
  /** every tensor that was trained, by its Hugging Face name; the others are the base's */
  | { readonly type: 'Full'; readonly weights: Weights }

const checkShape = (name: string, { shape }: Tensor, expected: readonly number[]) => {
  if (`${shape}` !== `${expected}`)
    throw modelMalformed(
      `adapter tensor "${name}" is [${shape}], but the base model asks for [${expected}]; adapter and model do not belong together`,
    )
}

/** w += s·B·A, row by row in double precision, rounded once. w: (out, in), A: (r, in), B: (out, r) */
const addLowRank = (w: Float32Array, a: Tensor, b: Tensor, scale: number): void => {
  const [rank = 0, columns = 0] = a.shape
  const row = new Float64Array(columns)
  for (let out = 0; out * columns < w.length; out++) {
    row.fill(0)
    for (let r = 0; r < rank; r++) {
      const factor = scale * b.data[out * rank + r]!
      if (factor === 0) continue
      const start = r * columns
      for (let i = 0; i < columns; i++) row[i]! += factor * a.data[start + i]!
    }
    const start = out * columns
    for (let i = 0; i < columns; i++) w[start + i] = w[start + i]! + row[i]!
  }
}

/** @returns the length of each row of w: (out, in) */
export const rowNorms = (w: Float32Array, rows: number): Float32Array => {
  const columns = w.length / rows
  return Float32Array.from({ length: rows }, (_, row) => {
    let sum = 0
    for (let i = row * columns; i < (row + 1) * columns; i++) sum += w[i]! * w[i]!
    return Math.sqrt(sum)
  })
}

/** DoRA (arXiv:2402.09353): each row gets the length that was learned for it. */
const setLengths = (w: Float32Array, { data: lengths }: Tensor): void => {
  const columns = w.length / lengths.length
  rowNorms(w, lengths.length).forEach((norm, row) => {
    if (norm === 0) return
    const factor = lengths[row]! / norm
    for (let i = row * columns; i < (row + 1) * columns; i++) w[i] = w[i]! * factor
  })
}

const withAdapter = (
  base: Weights,
  { config, tensors }: Extract<Trained, { type: 'Adapter' }>,
): Weights => ({
  ...base,
  read: async name => {
    const whole = tensors.get(wholeName(name))
    if (whole) {
      checkShape(wholeName(name), whole, base.shape(name))
      return whole.data.slice()
    }
    const names = adapterNames(name.replace(/\.weight$/, ''))
    const [a, b] = [tensors.get(names.a), tensors.get(names.b)]
    const weight = await base.read(name)
    if (!a || !b) return weight
    const [out = 0, columns = 0] = base.shape(name)
    checkShape(names.a, a, [config.rank, columns])
    checkShape(names.b, b, [out, config.rank])
    addLowRank(weight, a, b, scaleOf(config))
    const magnitude = tensors.get(names.magnitude)
    if (magnitude) {
      checkShape(names.magnitude, magnitude, [out])
      setLengths(weight, magnitude)
    }
    return weight
  },
})

/** @returns the tuned model's weights under the base's names; closing them closes the base alone */
export const tunedWeights = (base: Weights, trained: Trained): Weights => {
  if (trained.type === 'Adapter') return withAdapter(base, trained)
  const changed = new Set(trained.weights.names)
  return {
    ...base,
    read: name => (changed.has(name) ? trained.weights.read(name) : base.read(name)),
  }
}
