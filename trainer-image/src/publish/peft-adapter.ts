/** An adapter as PEFT keeps it: adapter_model.safetensors and adapter_config.json. */
import { open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { AdapterConfig, AdapterTensors, Tensor } from '../model/adapter.ts'
import { modelMalformed, modelUnsupported } from '../stage-error.ts'
import { openBoundedFile } from '../weights/bounded-file.ts'
import { dequantize, isElementType } from '../weights/dequantize.ts'
import { type JsonObject, readJsonObject } from '../weights/read-json.ts'
import { readSafetensorsHeader } from '../weights/safetensors-header.ts'
import { writeSafetensors } from '../weights/write-safetensors.ts'

export const ADAPTER_WEIGHTS = 'adapter_model.safetensors'
export const ADAPTER_CONFIG = 'adapter_config.json'

export type AdapterDescription = {
  readonly config: AdapterConfig
  /** what PEFT loads the base model by: a hub name or a path */
  readonly baseModel: string
  readonly baseRevision?: string
}

/** Writes both files into an existing folder; equal adapters give equal bytes. */
export const writeAdapter = async (
  folder: string,
  tensors: AdapterTensors,
  description: AdapterDescription,
): Promise<void> => {
  await writeSafetensors(
    join(folder, ADAPTER_WEIGHTS),
    [...tensors].map(([name, { shape, data }]) => ({ name, shape, read: () => data })),
  )
  await writeText(join(folder, ADAPTER_CONFIG), encodeConfig(description))
}

/**
 * The keys that every PEFT release of the last years knows, sorted: older releases refuse keys that they do not know.
 */
const encodeConfig = ({ config, baseModel, baseRevision }: AdapterDescription): string => {
  const fields = {
    alpha_pattern: {},
    auto_mapping: null,
    base_model_name_or_path: baseModel,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    layer_replication: null,
    layers_pattern: null,
    layers_to_transform: null,
    lora_alpha: config.alpha,
    lora_dropout: 0,
    modules_to_save: null,
    peft_type: 'LORA',
    r: config.rank,
    rank_pattern: {},
    revision: baseRevision ?? null,
    target_modules: config.targetModules.toSorted(),
    task_type: 'CAUSAL_LM',
    use_dora: false,
    use_rslora: false,
  }
  return `${JSON.stringify(fields, null, 2)}\n`
}

const writeText = async (path: string, text: string) => {
  const temporary = `${path}.partial`
  const file = await open(temporary, 'w')
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
}

const MAX_CONFIG_BYTES = 1024 * 1024

/** Reads an adapter that `writeAdapter`, or PEFT for a plain LoRA, has written. */
export const readAdapter = async (
  folder: string,
): Promise<AdapterDescription & { readonly tensors: AdapterTensors }> => {
  const json = await readJsonObject(join(folder, ADAPTER_CONFIG), MAX_CONFIG_BYTES)
  if (!json) throw modelMalformed(`the adapter folder has no ${ADAPTER_CONFIG}`)
  const description = decodeConfig(json)
  const tensors = await readTensors(join(folder, ADAPTER_WEIGHTS))
  checkRanks(tensors, description.config.rank)
  return { ...description, tensors }
}

const decodeConfig = (json: JsonObject): AdapterDescription => {
  const { peft_type: type, r: rank, lora_alpha: alpha, target_modules: targets } = json
  if (type !== 'LORA' || json['use_dora'] === true || json['use_rslora'] === true)
    throw modelUnsupported(
      `${ADAPTER_CONFIG}: peft_type ${JSON.stringify(type)} is not a plain LoRA, which alone is supported`,
    )
  if (typeof rank !== 'number' || !Number.isInteger(rank) || rank < 1 || rank > 65_536)
    throw modelMalformed(`${ADAPTER_CONFIG}: r is ${JSON.stringify(rank)}`)
  if (typeof alpha !== 'number' || !Number.isFinite(alpha))
    throw modelMalformed(`${ADAPTER_CONFIG}: lora_alpha is ${JSON.stringify(alpha)}`)
  if (!Array.isArray(targets) || !targets.every(name => typeof name === 'string'))
    throw modelMalformed(`${ADAPTER_CONFIG}: target_modules is not a list of names`)
  const { base_model_name_or_path: baseModel, revision } = json
  return {
    config: { rank, alpha, targetModules: targets },
    baseModel: typeof baseModel === 'string' ? baseModel : '',
    ...(typeof revision === 'string' ? { baseRevision: revision } : {}),
  }
}

const readTensors = async (path: string): Promise<AdapterTensors> => {
  const file = await openBoundedFile(path)
  try {
    const tensors = new Map<string, Tensor>()
    for (const entry of (await readSafetensorsHeader(file)).entries.values()) {
      const { name, dtype, shape, offset, byteLength } = entry
      if (!isElementType(dtype))
        throw modelUnsupported(
          `${file.name}: tensor "${name}" is ${dtype}; F32, F16, BF16 are read`,
        )
      const bytes = new Uint8Array(byteLength)
      await file.readInto(bytes, offset)
      const data = new Float32Array(shape.reduce((product, size) => product * size, 1))
      dequantize(dtype, bytes, data)
      tensors.set(name, { shape, data })
    }
    return tensors
  } finally {
    await file.close()
  }
}

const LORA_NAME = /^base_model\.model\.model\.layers\.\d+\.[\w.]+\.lora_([AB])\.weight$/

const checkRanks = (tensors: AdapterTensors, rank: number) => {
  for (const [name, { shape }] of tensors) {
    const [, half] = LORA_NAME.exec(name) ?? []
    if (!half || shape.length !== 2)
      throw modelUnsupported(
        `${ADAPTER_WEIGHTS}: tensor "${name}" [${shape}] is not part of a plain LoRA of a Llama`,
      )
    if (shape[half === 'A' ? 0 : 1] !== rank)
      throw modelMalformed(
        `${ADAPTER_WEIGHTS}: tensor "${name}" is [${shape}], but ${ADAPTER_CONFIG} says r is ${rank}`,
      )
  }
}
