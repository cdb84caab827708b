/** The files beside the weights of a merged model: configuration, tokenizer, chat template. */
import { join } from 'node:path'
import { modelMalformed } from '../../stage-error.ts'
import { isJsonObject, type JsonObject, readTextFile } from '../../weights/read-json.ts'
import type { SafetensorsType } from '../../weights/write-safetensors.ts'
import type { PublishedModel } from '../published-model.ts'
import { configFromGguf, configProblem, generationConfigOf } from './config-from-gguf.ts'
import { configText } from './config-text.ts'

/** name → content */
export type TextFiles = ReadonlyMap<string, string>

/** As the readers of these files bound them. */
const MAX_BYTES = 128 * 1024 * 1024

const TORCH: Readonly<Record<SafetensorsType, string>> = {
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
}

const jsonText = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`

const parsed = (name: string, text: string): JsonObject => {
  const value: unknown = JSON.parse(text)
  if (!isJsonObject(value)) throw modelMalformed(`${name} of the model is not an object`)
  return value
}

/** transformers 5 says dtype where 4 said torch_dtype; all else stays as it is written, 1e-05 and 10000.0 too. */
export const withDtype = (text: string, dtype: string): string => {
  const config = parsed('config.json', text)
  const key = ['dtype', 'torch_dtype'].find(name => config[name] !== undefined)
  if (key === undefined) return text.replace('{', `{\n  "torch_dtype": "${dtype}",`)
  if (config[key] === dtype) return text
  return text.replace(
    new RegExp(`("${key}"\\s*:\\s*)(?:"[^"]*"|null)`),
    (_, before: string) => `${before}"${dtype}"`,
  )
}

/** Ends generation where the evaluation's answers ended. */
export const withEndTokens = (text: string, eosTokenIds: readonly number[]): string => {
  const config = parsed('generation_config.json', text)
  const known = [config['eos_token_id'] ?? []].flat()
  const missing = eosTokenIds.filter(id => !known.includes(id))
  return missing.length === 0 ? text : jsonText({ ...config, eos_token_id: [...known, ...missing] })
}

/** Of several named templates `default` is the one that is used. */
const placed = (value: unknown, template: string): unknown =>
  Array.isArray(value) && value.some(item => isJsonObject(item) && item['name'] === 'default')
    ? value.map(item =>
        isJsonObject(item) && item['name'] === 'default' ? { ...item, template } : item,
      )
    : template

export const withTemplate = (text: string, template: string | undefined): string => {
  if (template === undefined) return text
  const config = parsed('tokenizer_config.json', text)
  const chatTemplate = placed(config['chat_template'], template)
  return JSON.stringify(chatTemplate) === JSON.stringify(config['chat_template'])
    ? text
    : jsonText({ ...config, chat_template: chatTemplate })
}

const configurations = async (
  { config, eosTokenIds }: PublishedModel,
  read: (name: string) => Promise<string | undefined>,
  dtype: string,
): Promise<TextFiles> => {
  const text = await read('config.json')
  const generation = await read('generation_config.json')
  const made = () =>
    configProblem(config) === undefined
      ? configText(configFromGguf(config, eosTokenIds, dtype))
      : undefined
  const own = text === undefined ? made() : withDtype(text, dtype)
  return new Map([
    ...(own === undefined ? [] : [['config.json', own] as const]),
    [
      'generation_config.json',
      generation === undefined
        ? jsonText(generationConfigOf(config, eosTokenIds))
        : withEndTokens(generation, eosTokenIds),
    ],
  ])
}

/** The tokenizer's files as the base has them, or as they were made from a GGUF's vocabulary. */
export const tokenizerTexts = async ({
  modelFolder,
  tokenizer,
  chatTemplate,
}: PublishedModel): Promise<TextFiles> => {
  const read = (name: string) => readTextFile(join(modelFolder, name), MAX_BYTES)
  const own = await read('tokenizer.json')
  const settings =
    own === undefined ? jsonText(tokenizer.config) : ((await read('tokenizer_config.json')) ?? '{}')
  const specials = own === undefined ? undefined : await read('special_tokens_map.json')
  return new Map([
    ['tokenizer.json', own ?? jsonText(tokenizer.tokenizer)],
    ['tokenizer_config.json', withTemplate(settings, chatTemplate)],
    ...(specials === undefined ? [] : [['special_tokens_map.json', specials] as const]),
    ...(chatTemplate === undefined ? [] : [['chat_template.jinja', chatTemplate] as const]),
  ])
}

export const textFiles = async (
  model: PublishedModel,
  type: SafetensorsType,
): Promise<TextFiles> => {
  const read = (name: string) => readTextFile(join(model.modelFolder, name), MAX_BYTES)
  return new Map([
    ...(await configurations(model, read, TORCH[type])),
    ...(await tokenizerTexts(model)),
  ])
}
