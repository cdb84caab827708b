/** The key-value cache of a batch of slots: one buffer per layer and kind, (slots, KV, M, D), a slot's part contiguous. */

export type CacheShape = {
  readonly kvHeads: readonly number[]
  readonly headDim: number
  /** M */
  readonly capacity: number
}

const FLOAT_BYTES = 4

export const slotBytes = ({ kvHeads, headDim, capacity }: CacheShape): number =>
  kvHeads.reduce((sum, heads) => sum + 2 * heads * headDim * capacity * FLOAT_BYTES, 0)

export type CacheView = {
  readonly name: string
  readonly data: Float32Array
  readonly dims: readonly number[]
}

export const createCache = (slots: number, shape: CacheShape) => {
  const { headDim, capacity } = shape
  const parts = shape.kvHeads.flatMap((heads, layer) => {
    const stride = heads * capacity * headDim
    return ['key', 'value'].map(kind => ({
      name: `${kind}.${layer}`,
      heads,
      stride,
      data: new Float32Array(slots * stride),
    }))
  })
  return {
    slots,
    /** the buffers of slots `first` to `first + count`, not copies */
    view: (first: number, count: number): readonly CacheView[] =>
      parts.map(({ name, heads, stride, data }) => ({
        name,
        data: data.subarray(first * stride, (first + count) * stride),
        dims: [count, heads, capacity, headDim],
      })),
    /** `length` tokens are copied */
    move: (from: number, to: number, length: number): void => {
      for (const { heads, stride, data } of parts) {
        for (let head = 0; head < heads; head++) {
          const at = from * stride + head * capacity * headDim
          data.copyWithin(
            to * stride + head * capacity * headDim,
            at,
            at + Math.min(length, capacity) * headDim,
          )
        }
      }
    },
  }
}
