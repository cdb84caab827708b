import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { DEFAULT_SETTINGS } from '../../../deploy/components/operator-settings.ts'
import { settingsFromConfig } from '../../../deploy/settings-from-config.ts'

const FILE = join(import.meta.dirname, '../../../deploy/Pulumi.yaml')

type Declaration = {
  readonly type: string
  readonly items?: { readonly type: string }
  readonly default: unknown
  readonly description: string
}
const { config: DECLARED } = parse(readFileSync(FILE, 'utf8')) as {
  readonly config: Readonly<Record<string, Declaration>>
}

/** Those that a Pulumi project may declare. */
const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: value => typeof value === 'string',
  integer: Number.isInteger,
  boolean: value => typeof value === 'boolean',
  array: Array.isArray,
  object: value => typeof value === 'object' && value !== null && !Array.isArray(value),
}

const readKeys = (): readonly string[] => {
  const keys: string[] = []
  const note = (key: string) => {
    keys.push(`attune:${key}`)
    return undefined
  }
  settingsFromConfig({ get: note, getObject: note })
  return keys
}

t.test('every key that the program reads is declared, and no other', async t => {
  t.strictSame([...readKeys()].sort(), Object.keys(DECLARED).sort())
})

t.test('each has a type, a default of that type and a description', async t => {
  for (const [key, { type, items, default: value, description }] of Object.entries(DECLARED)) {
    t.ok(TYPES[type]?.(value), `${key}: ${type}`)
    t.equal(type === 'array', items !== undefined, `${key}: only a list has items`)
    t.match(description, /^\S.{10,}$/, key)
  }
})

t.test('the defaults are those of the component', async t => {
  for (const [key, declared] of Object.entries(DECLARED)) {
    const name = key.replace('attune:', '') as keyof typeof DEFAULT_SETTINGS
    t.strictSame(declared.default, DEFAULT_SETTINGS[name], key)
  }
})

t.test('what a stack sets reaches the component, and nothing else', async t => {
  const settings = settingsFromConfig({
    get: key => (key === 'logLevel' ? 'debug' : undefined),
    getObject: key => (key === 'replicas' ? 2 : undefined),
  })
  t.strictSame(settings, { logLevel: 'debug', replicas: 2 })
})
