/** Writes what generation reads: base weights with the layers of one input joined, and the adapter beside them. */
import { type FileHandle, open } from 'node:fs/promises'
import { endianness } from 'node:os'
import type { ExternalData } from '../graph/node.ts'
import type { AdapterConfig, AdapterTensors } from '../model/adapter.ts'
import { joinedName } from '../model/architectures/decoding-ops.ts'
import type { ModelConfig, Weights } from '../model/config.ts'
import {
  type LinearLayer,
  linearGroups,
  linearLayers,
  weightShapes,
} from '../model/linear-layers.ts'
import { modelMalformed } from '../stage-error.ts'
import { inOneRoom } from '../weights/room.ts'

export type StoredTensor = { readonly shape: readonly number[]; readonly external: ExternalData }
export type StoredTensors = ReadonlyMap<string, StoredTensor>

export type GeneratorModel = {
  readonly config: ModelConfig
  readonly weights: Weights
  readonly adapterConfig: AdapterConfig
  readonly adapter: AdapterTensors
}

/** ONNX Runtime maps external data into memory; 64 bytes is a cache line and the widest vector. */
const ALIGNMENT = 64

class TensorFile {
  readonly #file: FileHandle
  readonly #location: string
  readonly #tensors = new Map<string, StoredTensor>()
  #position = 0

  constructor(file: FileHandle, location: string) {
    this.#file = file
    this.#location = location
  }

  get tensors(): StoredTensors {
    return this.#tensors
  }

  async add(name: string, shape: readonly number[], parts: AsyncIterable<Float32Array>) {
    const offset = Math.ceil(this.#position / ALIGNMENT) * ALIGNMENT
    this.#position = offset
    for await (const part of parts) {
      const bytes = new Uint8Array(part.buffer, part.byteOffset, part.byteLength)
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await this.#file.write(
          bytes,
          done,
          bytes.length - done,
          this.#position + done,
        )
        done += bytesWritten
      }
      this.#position += bytes.length
    }
    const bytes = this.#position - offset
    this.#tensors.set(name, { shape, external: { location: this.#location, offset, bytes } })
  }
}

async function* read(weights: Weights, wanted: readonly (readonly [string, readonly number[]])[]) {
  for (const [name, shape] of wanted) {
    const actual = weights.shape(name)
    if (`${actual}` !== `${shape}`)
      throw modelMalformed(
        `tensor ${name} has shape [${actual}], the model's config wants [${shape}]`,
      )
    yield await weights.read(name)
  }
}

async function* just(data: Float32Array) {
  yield data
}

const rowsOf = (group: readonly LinearLayer[]): number =>
  group.reduce((sum, { outFeatures }) => sum + outFeatures, 0)

/** A's of the adapted layers below each other `[n·r, in]`, B's as blocks on a diagonal `[out, n·r]`. */
const joinAdapters = (group: readonly LinearLayer[], rank: number, adapter: AdapterTensors) => {
  const named = group.map(({ path, outFeatures: out }) => ({
    out,
    a: adapter.get(`base_model.model.${path}.lora_A.weight`),
    b: adapter.get(`base_model.model.${path}.lora_B.weight`),
  }))
  const width = named.filter(({ a, b }) => a && b).length * rank
  if (width === 0) return undefined
  const inputs = group[0]!.inFeatures
  const out = rowsOf(group)
  const a = new Float32Array(width * inputs)
  const b = new Float32Array(out * width)
  let [column, row] = [0, 0]
  for (const layer of named) {
    if (layer.a && layer.b) {
      a.set(layer.a.data, column * inputs)
      for (let r = 0; r < layer.out; r++)
        b.set(layer.b.data.subarray(r * rank, (r + 1) * rank), (row + r) * width + column)
      column += rank
    }
    row += layer.out
  }
  return { a, b, width, out }
}

/** Biases behind each other; zeros for a layer that has none. */
async function* biasesOf({ config, weights }: GeneratorModel, group: readonly LinearLayer[]) {
  for (const { path, module, outFeatures } of group)
    if (config.biases?.includes(module)) yield* read(weights, [[`${path}.bias`, [outFeatures]]])
    else yield new Float32Array(outFeatures)
}

/** A linear layer made of several that read the same input, one below the other: `[out₁ + out₂ + …, in]`. */
const addGroup = async (file: TensorFile, model: GeneratorModel, group: readonly LinearLayer[]) => {
  const { config, weights, adapterConfig, adapter } = model
  const name = joinedName(group.map(({ path }) => path))
  const [inputs, out] = [group[0]!.inFeatures, rowsOf(group)]
  const parts = group.map(
    ({ path, outFeatures }) => [`${path}.weight`, [outFeatures, inputs]] as const,
  )
  await file.add(`${name}.weight`, [out, inputs], read(weights, parts))
  if (group.some(({ module }) => config.biases?.includes(module)))
    await file.add(`${name}.bias`, [out], biasesOf(model, group))
  const lora = joinAdapters(group, adapterConfig.rank, adapter)
  if (!lora) return
  await file.add(`${name}.lora_A`, [lora.width, inputs], just(lora.a))
  await file.add(`${name}.lora_B`, [lora.out, lora.width], just(lora.b))
}

/** Embeddings, norms and the output head, which are stored as they are. */
const plainShapes = (config: ModelConfig) => {
  const paths = linearLayers(config).map(({ path }) => path)
  const linear = new Set(paths.flatMap(path => [`${path}.weight`, `${path}.bias`]))
  return weightShapes(config).filter(({ name }) => !linear.has(name))
}

/** Streams all tensors into one file, a tensor in memory at a time. */
export const writeGeneratorWeights = async (
  path: string,
  location: string,
  model: GeneratorModel,
): Promise<StoredTensors> => {
  if (endianness() !== 'LE') throw new Error('ONNX external data is little-endian')
  const handle = await open(path, 'w')
  try {
    const file = new TensorFile(handle, location)
    await inOneRoom(model.weights, weightShapes(model.config), weights =>
      addAll(file, { ...model, weights }),
    )
    return file.tensors
  } finally {
    await handle.close()
  }
}

const addAll = async (file: TensorFile, model: GeneratorModel) => {
  const { config, weights } = model
  for (const { name, shape } of plainShapes(config))
    await file.add(name, shape, read(weights, [[name, shape]]))
  for (let layer = 0; layer < config.layers; layer++)
    for (const group of linearGroups(config, layer)) await addGroup(file, model, group)
}
