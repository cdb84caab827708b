/** Which tokenizers bring regular expressions of their own. */
import { isJsonObject, type JsonObject } from '../weights/read-json.ts'
import { PRE_TOKENIZERS } from './tokenizer-rules.ts'

const patternsIn = (value: unknown): readonly string[] => {
  if (Array.isArray(value)) return value.flatMap(patternsIn)
  if (!isJsonObject(value)) return []
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'Regex' && typeof inner === 'string' ? [inner] : patternsIn(inner),
  )
}

/** Of published models: they end soon whatever the text. */
const PUBLISHED = new Set(patternsIn(Object.values(PRE_TOKENIZERS)))

/** @returns whether a pattern of tokenizer.json is none that published models share */
export const hasOwnPatterns = ({ normalizer, pre_tokenizer, decoder }: JsonObject): boolean =>
  patternsIn([normalizer, pre_tokenizer, decoder]).some(pattern => !PUBLISHED.has(pattern))
