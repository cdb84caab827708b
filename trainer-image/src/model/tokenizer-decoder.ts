/** Rewrites decoders that the JavaScript library reads differently from the Python original. */
import { isJsonObject, type JsonObject } from '../weights/read-json.ts'
import type { LibraryDecoder } from './tokenizer-base.ts'

/** @param atStart false: the space that SentencePiece puts before a text is not there to be taken away */
export const portableDecoder = (value: unknown, atStart: boolean): unknown => {
  if (!isJsonObject(value)) return null
  switch (value['type']) {
    case 'Sequence': {
      const list = Array.isArray(value['decoders']) ? value['decoders'] : []
      const kept = list.filter(item => atStart || !isJsonObject(item) || item['type'] !== 'Strip')
      return { ...value, decoders: kept.map(item => portableDecoder(item, atStart)) }
    }
    case 'Metaspace':
      return atStart && hasPrefix(value) ? value : spaces(value)
    default:
      return value
  }
}

const hasPrefix = (value: JsonObject): boolean =>
  value['prepend_scheme'] === undefined
    ? value['add_prefix_space'] !== false
    : value['prepend_scheme'] !== 'never'

const spaces = ({ replacement = '▁' }: JsonObject) => ({
  type: 'Replace',
  pattern: { String: replacement },
  content: ' ',
})

/** U+FEFF is text; the library's byte fallback takes it out as a mark of byte order. */
export const keepByteOrderMarks = (decoder: LibraryDecoder): void => {
  if (decoder.config['type'] === 'ByteFallback')
    decoder.text_decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  decoder.decoders?.forEach(keepByteOrderMarks)
}
