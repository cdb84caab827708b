/** Which tensors share a file of a merged model, and the index that says so. */
import { encodedBytes } from '../../weights/encode.ts'
import type { SafetensorsType } from '../../weights/write-safetensors.ts'

export type PlacedTensor = {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: SafetensorsType
}
export type Shard = { readonly file: string; readonly tensors: readonly PlacedTensor[] }

export const INDEX_FILE = 'model.safetensors.index.json'
/** As transformers cut them for years: they pass every hub's and file system's bound. */
export const SHARD_BYTES = 5_000_000_000

const valuesOf = ({ shape }: PlacedTensor) => shape.reduce((product, size) => product * size, 1)
const bytesOf = (tensor: PlacedTensor) => encodedBytes(tensor.dtype, valuesOf(tensor))

const fileName = (index: number, count: number): string =>
  count === 1
    ? 'model.safetensors'
    : `model-${String(index + 1).padStart(5, '0')}-of-${String(count).padStart(5, '0')}.safetensors`

/** In the order given; a tensor larger than the bound has a file of its own. */
export const shardsOf = (
  tensors: readonly PlacedTensor[],
  maxBytes: number = SHARD_BYTES,
): readonly Shard[] => {
  const groups: PlacedTensor[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const tensor of tensors) {
    bytes += bytesOf(tensor)
    if (bytes > maxBytes) {
      groups.push([])
      bytes = bytesOf(tensor)
    }
    groups.at(-1)!.push(tensor)
  }
  return groups.map((group, index) => ({ file: fileName(index, groups.length), tensors: group }))
}

/** @returns undefined for one file, which needs none */
export const indexOf = (shards: readonly Shard[]): object | undefined => {
  if (shards.length < 2) return undefined
  const tensors = shards.flatMap(shard => shard.tensors)
  const places = shards.flatMap(({ file, tensors: within }) =>
    within.map(({ name }) => [name, file] as const),
  )
  return {
    metadata: {
      total_parameters: tensors.reduce((sum, tensor) => sum + valuesOf(tensor), 0),
      total_size: tensors.reduce((sum, tensor) => sum + bytesOf(tensor), 0),
    },
    weight_map: Object.fromEntries(places),
  }
}
