/** The tokenizer's files of a model folder, or their like made from a GGUF's vocabulary. */
import { join } from 'node:path'
import { modelMalformed } from '../stage-error.ts'
import { readGgufHeader } from '../weights/gguf-header.ts'
import { findModelFiles } from '../weights/model-files.ts'
import {
  isJsonObject,
  type JsonObject,
  readJsonObject,
  readTextFile,
} from '../weights/read-json.ts'
import { checkedTokenizer } from './tokenizer-checks.ts'
import { tokenizerFromGguf } from './tokenizer-from-gguf.ts'

export type SpecialTokens = {
  readonly bos?: string
  readonly eos?: string
  readonly unk?: string
  readonly pad?: string
}
export type TokenizerFiles = {
  /** tokenizer.json */
  readonly tokenizer: JsonObject
  /** tokenizer_config.json */
  readonly config: JsonObject
  readonly specialTokens: SpecialTokens
  readonly chatTemplate: string | undefined
}

/** Gemma's, the largest in use, has 33 MB. */
const MAX_TOKENIZER_BYTES = 128 * 1024 * 1024
const MAX_CONFIG_BYTES = 16 * 1024 * 1024
const MAX_TEMPLATE_BYTES = 1024 * 1024

export const readTokenizerFiles = async (modelFolder: string): Promise<TokenizerFiles> => {
  const read = (name: string, maxBytes: number) => readJsonObject(join(modelFolder, name), maxBytes)
  const tokenizer = await read('tokenizer.json', MAX_TOKENIZER_BYTES)
  if (!tokenizer) return filesFromGguf(modelFolder)
  const config = (await read('tokenizer_config.json', MAX_CONFIG_BYTES)) ?? {}
  const map = (await read('special_tokens_map.json', MAX_CONFIG_BYTES)) ?? {}
  const template = await readTextFile(join(modelFolder, 'chat_template.jinja'), MAX_TEMPLATE_BYTES)
  return tokenizerFiles(tokenizer, { ...map, ...withoutNulls(config) }, template)
}

const filesFromGguf = async (modelFolder: string): Promise<TokenizerFiles> => {
  const files = await findModelFiles(modelFolder)
  if (files.format !== 'gguf')
    throw modelMalformed('the model folder has no tokenizer.json; add the one of the base model')
  const { tokenizer, config } = tokenizerFromGguf(readGgufHeader(files.path))
  return tokenizerFiles(tokenizer, config)
}

export const tokenizerFiles = (
  tokenizer: JsonObject,
  config: JsonObject,
  template?: string,
): TokenizerFiles => ({
  tokenizer: checkedTokenizer(tokenizer),
  config,
  specialTokens: specialTokensOf(config),
  // chat_template.jinja overrides tokenizer_config.json, as in transformers
  chatTemplate: template ?? chatTemplateOf(config['chat_template']),
})

const withoutNulls = (config: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null))

const specialTokensOf = (config: JsonObject): SpecialTokens => {
  const entries = (['bos', 'eos', 'unk', 'pad'] as const).flatMap(kind => {
    const value = config[`${kind}_token`]
    const content = isJsonObject(value) ? value['content'] : value
    return typeof content === 'string' ? [[kind, content] as const] : []
  })
  return Object.fromEntries(entries)
}

/** A string, or a list of named templates of which `default` is meant. */
const chatTemplateOf = (value: unknown): string | undefined => {
  if (typeof value === 'string')
    return Buffer.byteLength(value) <= MAX_TEMPLATE_BYTES ? value : undefined
  if (!Array.isArray(value)) return undefined
  const found = value.find(item => isJsonObject(item) && item['name'] === 'default')
  return isJsonObject(found) ? chatTemplateOf(found['template']) : undefined
}
