/** Rewrites normalizers that the JavaScript library reads differently from the Python original, and refuses the rest. */
import { modelUnsupported } from '../stage-error.ts'
import { isJsonObject, type JsonObject } from '../weights/read-json.ts'
import { type Charsmap, readCharsmap } from './precompiled-charsmap.ts'
import { type LibraryNormalizer, Normalizer, SequenceNormalizer } from './tokenizer-base.ts'

const replace = (regex: string) => ({ type: 'Replace', pattern: { Regex: regex }, content: '' })

export const portableNormalizer = (value: unknown): unknown => {
  if (!isJsonObject(value)) return null
  switch (value['type']) {
    case 'Sequence': {
      const list = Array.isArray(value['normalizers']) ? value['normalizers'] : []
      return { ...value, normalizers: list.map(portableNormalizer) }
    }
    case 'Strip':
      // trim() takes U+FEFF and leaves U+0085, Rust's White_Space is the other way round
      return {
        type: 'Sequence',
        normalizers: [
          ...(value['strip_left'] === false ? [] : [replace('\\A\\s+')]),
          ...(value['strip_right'] === false ? [] : [replace('\\s+\\z')]),
        ],
      }
    case 'Replace': {
      const content = String(value['content'] ?? '')
      // the library gives "$&" and its like a meaning
      return { ...value, content: content.replaceAll('$', '$$$$') }
    }
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD':
    case 'Prepend':
    case 'Precompiled':
      return value
    default:
      throw modelUnsupported(
        `tokenizer.json: the normalizer ${JSON.stringify(value['type'])} is not supported; choose a model without it`,
      )
  }
}

class PrecompiledNormalizer extends Normalizer {
  readonly #charsmap: Charsmap

  constructor(config: JsonObject, charsmap: Charsmap) {
    super(config)
    this.#charsmap = charsmap
  }

  override normalize(text: string): string {
    return this.#charsmap(text)
  }
}

/** @returns the normalizer with SentencePiece's own table in place of NFKC, by which the library stands in for it */
export const exactNormalizer = (normalizer: LibraryNormalizer | null): LibraryNormalizer | null => {
  if (normalizer === null) return null
  if (normalizer instanceof SequenceNormalizer)
    normalizer.normalizers = normalizer.normalizers.map(exactNormalizer)
  const { config } = normalizer
  return config['type'] === 'Precompiled'
    ? new PrecompiledNormalizer(config, readCharsmap(config['precompiled_charsmap']))
    : normalizer
}
