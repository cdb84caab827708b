/** Plain YAML scalars, read as kubectl and the API server read them: YAML 1.1 by the rules of go-yaml v2, where `on` is true and 0640 is octal. */
import type { ScalarTag } from 'yaml'

const WORDS: readonly (readonly [string, boolean | null, RegExp])[] = [
  ['tag:yaml.org,2002:null', null, /^(?:~|null|Null|NULL)?$/],
  ['tag:yaml.org,2002:bool', true, /^(?:y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON)$/],
  ['tag:yaml.org,2002:bool', false, /^(?:n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/],
]

const words: ScalarTag[] = WORDS.map(([tag, value, test]) => ({
  identify: candidate => candidate === value,
  default: true,
  tag,
  test,
  resolve: () => value,
}))

/** Radix by prefix, as `strconv.ParseInt(text, 0, 64)`; a leading 0 alone means octal. */
const parseInteger = (text: string): number => {
  const negative = text.startsWith('-')
  const digits = text.replace(/^[-+]/, '').replaceAll('_', '')
  const octal = /^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits
  const value = Number(octal)
  return negative ? -value : value
}

const numbers: ScalarTag[] = [
  {
    identify: value => typeof value === 'number' && Number.isInteger(value),
    default: true,
    tag: 'tag:yaml.org,2002:int',
    test: /^[-+]?(?:0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|[0-9][0-9_]*)$/,
    resolve: parseInteger,
  },
  {
    identify: value => typeof value === 'number',
    default: true,
    tag: 'tag:yaml.org,2002:float',
    test: /^[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?$/,
    resolve: text => Number(text.replaceAll('_', '')),
  },
  {
    identify: value => typeof value === 'number' && !Number.isFinite(value),
    default: true,
    tag: 'tag:yaml.org,2002:float',
    test: /^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/,
    resolve: text =>
      /nan/i.test(text) ? Number.NaN : text.startsWith('-') ? -Infinity : Number.POSITIVE_INFINITY,
  },
]

export const KUBERNETES_SCALARS: readonly ScalarTag[] = [...words, ...numbers]
