/** An adapter as PEFT keeps it: adapter_model.safetensors and adapter_config.json. */
import { open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type AdapterConfig,
  type AdapterTensors,
  type LoraVariant,
  type Tensor,
  weightOfWhole,
  wholeName,
} from '../model/adapter.ts'
import { EMBEDDING_WEIGHT } from '../model/linear-layers.ts'
import { isPlainName } from '../model/target-modules.ts'
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
  /** the base's output head is its embedding; PEFT needs both where the embedding was trained */
  readonly isTied?: boolean
}

const EMBEDDING = wholeName(EMBEDDING_WEIGHT)
const HEAD = wholeName('lm_head.weight')

/** Writes both files into an existing folder; equal adapters give equal bytes. */
export const writeAdapter = async (
  folder: string,
  tensors: AdapterTensors,
  description: AdapterDescription,
): Promise<void> => {
  const embedding = description.isTied ? tensors.get(EMBEDDING) : undefined
  const saved = embedding ? new Map([...tensors, [HEAD, embedding]]) : tensors
  await writeSafetensors(
    join(folder, ADAPTER_WEIGHTS),
    [...saved].map(([name, { shape, data }]) => ({ name, shape, read: () => data })),
  )
  await writeText(join(folder, ADAPTER_CONFIG), encodeConfig(description, [...saved.keys()]))
}

const ADAPTED = /^base_model\.model\.(.+)\.lora_A\.weight$/

const adaptedPaths = (names: readonly string[]): readonly string[] =>
  names.flatMap(name => ADAPTED.exec(name)?.[1] ?? [])

/** Names where those of all layers are meant; PEFT does not know our patterns, so paths in their place. */
const writtenTargets = (targets: readonly string[], names: readonly string[]): string[] => {
  const paths = adaptedPaths(names)
  const isByName = targets.every(isPlainName)
  return [...new Set(isByName ? paths.map(path => path.split('.').at(-1)!) : paths)].sort()
}

const writtenModules = (names: readonly string[]): string[] | null => {
  const modules = names.flatMap(name => weightOfWhole(name)?.replace(/\.weight$/, '') ?? [])
  return modules.length > 0 ? modules.sort() : null
}

/**
 * The keys that every PEFT release of the last years knows, sorted: older releases refuse keys that they do not know.
 */
const encodeConfig = (
  { config, baseModel, baseRevision }: AdapterDescription,
  names: readonly string[],
): string => {
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
    lora_dropout: config.dropout ?? 0,
    modules_to_save: writtenModules(names),
    peft_type: 'LORA',
    r: config.rank,
    rank_pattern: {},
    revision: baseRevision ?? null,
    target_modules: writtenTargets(config.targetModules, names),
    task_type: 'CAUSAL_LM',
    use_dora: config.variant === 'DoRA',
    use_rslora: config.variant === 'RankStabilized',
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

export type ReadAdapter = AdapterDescription & { readonly tensors: AdapterTensors }

/** Reads an adapter that `writeAdapter`, or PEFT for a LoRA, has written. */
export const readAdapter = async (folder: string): Promise<ReadAdapter> => {
  const json = await readJsonObject(join(folder, ADAPTER_CONFIG), MAX_CONFIG_BYTES)
  if (!json) throw modelMalformed(`the adapter folder has no ${ADAPTER_CONFIG}`)
  refuseUnknownKinds(json)
  const tensors = await readTensors(join(folder, ADAPTER_WEIGHTS))
  const description = decodeConfig(json, adaptedPaths([...tensors.keys()]))
  checkTensors(tensors, description.config)
  return { ...description, tensors }
}

const isEmpty = (value: unknown) =>
  value === undefined || value === null || Object.keys(value as object).length === 0

/** What an adapter may be in PEFT beyond what is trained here: fields and how they must be. */
const KINDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  peft_type: value => value === 'LORA',
  alpha_pattern: isEmpty,
  rank_pattern: isEmpty,
  layer_replication: isEmpty,
  trainable_token_indices: isEmpty,
  target_parameters: isEmpty,
  bias: value => value === undefined || value === 'none',
  fan_in_fan_out: value => value !== true,
  lora_bias: value => value !== true,
  // those that change the base's own weights
  init_lora_weights: value => !/^(pissa|olora|corda|loftq)/i.test(String(value)),
}

const refuseUnknownKinds = (json: JsonObject): void => {
  const odd = Object.entries(KINDS).find(([field, isKnown]) => !isKnown(json[field]))
  if (odd)
    throw modelUnsupported(
      `${ADAPTER_CONFIG}: ${odd[0]} is ${JSON.stringify(json[odd[0]])}; a LoRA of one rank on linear layers, rank-stabilized or DoRA, is supported`,
    )
  if (json['use_dora'] === true && json['use_rslora'] === true)
    throw modelUnsupported(`${ADAPTER_CONFIG}: use_dora and use_rslora together are not supported`)
}

const variantOf = (json: JsonObject): { readonly variant?: LoraVariant } =>
  json['use_dora'] === true
    ? { variant: 'DoRA' }
    : json['use_rslora'] === true
      ? { variant: 'RankStabilized' }
      : {}

const isListOfNames = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every(name => typeof name === 'string')

const decodeConfig = (json: JsonObject, paths: readonly string[]): AdapterDescription => {
  const { r: rank, lora_alpha: alpha, target_modules: targets, lora_dropout: dropout } = json
  if (typeof rank !== 'number' || !Number.isInteger(rank) || rank < 1 || rank > 65_536)
    throw modelMalformed(`${ADAPTER_CONFIG}: r is ${JSON.stringify(rank)}`)
  if (typeof alpha !== 'number' || !Number.isFinite(alpha))
    throw modelMalformed(`${ADAPTER_CONFIG}: lora_alpha is ${JSON.stringify(alpha)}`)
  // a string is a regular expression of PEFT's: what it meant, the tensors say
  const targetModules = typeof targets === 'string' ? paths : targets
  if (!isListOfNames(targetModules))
    throw modelMalformed(`${ADAPTER_CONFIG}: target_modules is not a list of names`)
  const saved = json['modules_to_save'] ?? []
  if (!isListOfNames(saved))
    throw modelMalformed(`${ADAPTER_CONFIG}: modules_to_save is not a list of names`)
  const { base_model_name_or_path: baseModel, revision } = json
  return {
    config: {
      rank,
      alpha,
      targetModules,
      ...variantOf(json),
      ...(typeof dropout === 'number' && dropout > 0 ? { dropout } : {}),
      ...(saved.length > 0 ? { modulesToSave: saved } : {}),
    },
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

const LORA_NAME =
  /^base_model\.model\.model\.layers\.\d+\.[\w.]+\.lora_(A\.weight|B\.weight|magnitude_vector)$/

/** @returns the axis along which a tensor of this kind has the rank, if it has one */
const rankAxisOf = (kind: string): number | undefined =>
  kind === 'A.weight' ? 0 : kind === 'B.weight' ? 1 : undefined

const isSaved = (name: string, { modulesToSave = [] }: AdapterConfig): boolean => {
  const path = weightOfWhole(name)?.replace(/\.weight$/, '')
  // PEFT compares ends of names, whole parts or not
  return path !== undefined && modulesToSave.some(module => path.endsWith(module))
}

const checkTensors = (tensors: AdapterTensors, config: AdapterConfig): void => {
  for (const [name, { shape }] of tensors) {
    if (isSaved(name, config)) continue
    const [, kind] = LORA_NAME.exec(name) ?? []
    const axis = kind === undefined ? undefined : rankAxisOf(kind)
    const isVector = kind === 'magnitude_vector' && config.variant === 'DoRA'
    if (
      kind === undefined ||
      shape.length !== (isVector ? 1 : 2) ||
      (!isVector && axis === undefined)
    )
      throw modelUnsupported(
        `${ADAPTER_WEIGHTS}: tensor "${name}" [${shape}] has no part in the adapter that ${ADAPTER_CONFIG} describes`,
      )
    if (axis !== undefined && shape[axis] !== config.rank)
      throw modelMalformed(
        `${ADAPTER_WEIGHTS}: tensor "${name}" is [${shape}], but ${ADAPTER_CONFIG} says r is ${config.rank}`,
      )
  }
}
