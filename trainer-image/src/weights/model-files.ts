/** Which files of a model folder hold the weights: one GGUF, one safetensors file, or several by an index. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { modelMalformed, modelUnsupported, sourceNotFound } from '../stage-error.ts'
import { isJsonObject, readJsonObject } from './read-json.ts'

export type ModelFiles =
  | { readonly format: 'gguf'; readonly path: string }
  | {
      readonly format: 'safetensors'
      readonly paths: readonly string[]
      /** tensor → file name, where an index says so */
      readonly weightMap?: ReadonlyMap<string, string>
    }

const INDEX = 'model.safetensors.index.json'
const MAX_INDEX_BYTES = 64 * 1024 * 1024
const MAX_SHARDS = 1_000

export const findModelFiles = async (folder: string): Promise<ModelFiles> => {
  const names = await readdir(folder).catch(cause => {
    throw sourceNotFound(`model folder ${folder} cannot be read: ${cause.code ?? cause}`, { cause })
  })
  if (names.includes(INDEX)) return shards(folder, names)
  if (names.includes('model.safetensors'))
    return { format: 'safetensors', paths: [join(folder, 'model.safetensors')] }
  const safetensors = names.filter(name => name.endsWith('.safetensors'))
  if (safetensors.length > 0)
    return { format: 'safetensors', paths: [join(folder, onlyOne(safetensors, INDEX))] }
  const gguf = names.filter(name => name.endsWith('.gguf'))
  if (gguf.length > 0)
    return { format: 'gguf', path: join(folder, onlyOne(gguf, 'the file in the uri')) }
  if (names.some(name => /\.(bin|pt|pth|ckpt)$/.test(name)))
    throw modelUnsupported(
      'the model folder has only pickled weights (.bin, .pt), which can run code when read; use safetensors or GGUF',
    )
  throw sourceNotFound(
    `no weights among ${names.length} files of the model folder; *.safetensors or one *.gguf is needed`,
  )
}

const onlyOne = (names: readonly string[], instead: string): string => {
  if (names.length > 1)
    throw modelMalformed(
      `the model folder has ${names.length} weight files (${names.slice(0, 4).join(', ')}); name one by ${instead}`,
    )
  return names[0]!
}

const shards = async (folder: string, present: readonly string[]): Promise<ModelFiles> => {
  const weightMap = await readWeightMap(join(folder, INDEX))
  const names = [...new Set(weightMap.values())].sort()
  if (names.length > MAX_SHARDS)
    throw modelMalformed(`${INDEX} names ${names.length} files, at most ${MAX_SHARDS} are read`)
  const missing = names.find(name => !present.includes(name))
  if (missing) throw sourceNotFound(`${INDEX} names ${missing}, which is not in the model folder`)
  return { format: 'safetensors', paths: names.map(name => join(folder, name)), weightMap }
}

/** @returns tensor → file name, none of which leads out of the folder */
export const readWeightMap = async (path: string): Promise<ReadonlyMap<string, string>> => {
  const index = await readJsonObject(path, MAX_INDEX_BYTES)
  const map = index?.weight_map
  if (!isJsonObject(map))
    throw modelMalformed(`${INDEX} has no object "weight_map"; export the model again`)
  const files = new Map<string, string>()
  for (const [tensor, name] of Object.entries(map)) {
    if (typeof name !== 'string' || !/^[\w][\w.-]{0,200}\.safetensors$/.test(name))
      throw modelMalformed(
        `${INDEX} maps "${tensor}" to ${JSON.stringify(name)}; a plain name of a .safetensors file is allowed`,
      )
    files.set(tensor, name)
  }
  return files
}
