/** Writes what generation reads: base weights with the layers of one input joined, and the adapter beside them. */
import { type FileHandle, open } from 'node:fs/promises'
import { endianness } from 'node:os'
import type { ExternalData } from '../graph/node.ts'
import type { AdapterConfig, AdapterTensors } from '../model/adapter.ts'
import type { ModelConfig, Weights } from '../model/config.ts'
import { modelMalformed } from '../stage-error.ts'

export type StoredTensor = { readonly shape: readonly number[]; readonly external: ExternalData }
export type StoredTensors = ReadonlyMap<string, StoredTensor>

export type GeneratorModel = {
  readonly config: ModelConfig
  readonly weights: Weights
  readonly adapterConfig: AdapterConfig
  readonly adapter: AdapterTensors
}

/** A linear layer made of several that read the same input, one below the other: `[out₁ + out₂ + …, in]`. */
type Joined = {
  readonly name: string
  readonly modules: readonly { readonly name: string; readonly out: number }[]
  readonly in: number
}

export const joinedLayers = (config: ModelConfig, layer: number): readonly Joined[] => {
  const { hiddenSize: c, intermediateSize: i, heads, headDim } = config
  const [attention, mlp] = [`model.layers.${layer}.self_attn`, `model.layers.${layer}.mlp`]
  const kv = config.kvHeads[layer]! * headDim
  const one = (at: string, name: string, out: number) => ({ name: `${at}.${name}`, out })
  return [
    {
      name: `${attention}.qkv_proj`,
      modules: [
        one(attention, 'q_proj', heads * headDim),
        one(attention, 'k_proj', kv),
        one(attention, 'v_proj', kv),
      ],
      in: c,
    },
    { name: `${attention}.o_proj`, modules: [one(attention, 'o_proj', c)], in: heads * headDim },
    {
      name: `${mlp}.gate_up_proj`,
      modules: [one(mlp, 'gate_proj', i), one(mlp, 'up_proj', i)],
      in: c,
    },
    { name: `${mlp}.down_proj`, modules: [one(mlp, 'down_proj', c)], in: i },
  ]
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

/** A's of the adapted modules below each other `[n·r, in]`, B's as blocks on a diagonal `[out, n·r]`. */
const joinAdapters = ({ modules, in: inputs }: Joined, rank: number, adapter: AdapterTensors) => {
  const named = modules.map(({ name, out }) => ({
    out,
    a: adapter.get(`base_model.model.${name}.lora_A.weight`),
    b: adapter.get(`base_model.model.${name}.lora_B.weight`),
  }))
  const width = named.filter(({ a, b }) => a && b).length * rank
  if (width === 0) return undefined
  const out = modules.reduce((sum, module) => sum + module.out, 0)
  const a = new Float32Array(width * inputs)
  const b = new Float32Array(out * width)
  let [column, row] = [0, 0]
  for (const module of named) {
    if (module.a && module.b) {
      a.set(module.a.data, column * inputs)
      for (let r = 0; r < module.out; r++)
        b.set(module.b.data.subarray(r * rank, (r + 1) * rank), (row + r) * width + column)
      column += rank
    }
    row += module.out
  }
  return { a, b, width, out }
}

const addLayer = async (file: TensorFile, model: GeneratorModel, layer: number) => {
  const { config, weights, adapterConfig, adapter } = model
  const at = `model.layers.${layer}`
  for (const norm of [`${at}.input_layernorm.weight`, `${at}.post_attention_layernorm.weight`])
    await file.add(norm, [config.hiddenSize], read(weights, [[norm, [config.hiddenSize]]]))
  for (const joined of joinedLayers(config, layer)) {
    const out = joined.modules.reduce((sum, module) => sum + module.out, 0)
    const parts = joined.modules.map(
      module => [`${module.name}.weight`, [module.out, joined.in]] as const,
    )
    await file.add(`${joined.name}.weight`, [out, joined.in], read(weights, parts))
    const lora = joinAdapters(joined, adapterConfig.rank, adapter)
    if (!lora) continue
    await file.add(`${joined.name}.lora_A`, [lora.width, joined.in], just(lora.a))
    await file.add(`${joined.name}.lora_B`, [lora.out, lora.width], just(lora.b))
  }
}

/** Streams all tensors into one file, a tensor in memory at a time. */
export const writeGeneratorWeights = async (
  path: string,
  location: string,
  model: GeneratorModel,
): Promise<StoredTensors> => {
  if (endianness() !== 'LE') throw new Error('ONNX external data is little-endian')
  const { config, weights } = model
  const handle = await open(path, 'w')
  try {
    const file = new TensorFile(handle, location)
    const vocabulary = [config.vocabSize, config.hiddenSize]
    const plain = async (name: string, shape: readonly number[]) =>
      file.add(name, shape, read(weights, [[name, shape]]))
    await plain('model.embed_tokens.weight', vocabulary)
    for (let layer = 0; layer < config.layers; layer++) await addLayer(file, model, layer)
    await plain('model.norm.weight', [config.hiddenSize])
    if (!config.tieWordEmbeddings) await plain('lm_head.weight', vocabulary)
    return file.tensors
  } finally {
    await handle.close()
  }
}
