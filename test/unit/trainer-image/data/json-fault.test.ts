import { jsonFault } from '@attune/trainer/data/json-fault.ts'
import t from 'tap'

/** The arrow stands before the first character that fits nowhere. */
const FAULTS = [
  '→',
  '  →',
  '[→',
  '[1→',
  '[1,→',
  '[1,→]',
  '[→}',
  '[1→ 2]'.replace('→ ', ' →'),
  '[1]→]',
  '{→1:2}',
  '{"a"→}',
  '{"a":→}',
  '{"a":1,→}',
  '{"a":1→]',
  '[→01]',
  '[→1.]',
  '[→+1]',
  '[→.5]',
  '[→-]',
  '[→1e]',
  '[→True]',
  '[→nullx]',
  '["a→\n"]',
  '["→\\x"]',
  '["→\\u12g4"]',
  '["a→',
  '→\ufeff[]',
  '[1,→/* no */2]',
] as const

const parses = (text: string) => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

t.test('names the place of a fault', async t => {
  for (const marked of FAULTS) {
    const text = marked.replace('→', '')
    t.equal(jsonFault(text), marked.indexOf('→'), JSON.stringify(marked))
    t.notOk(parses(text))
  }
})

t.test('finds none in JSON', async t => {
  const deep = 100_000
  const texts = [
    '{}',
    ' [ ] ',
    '"a\\u00e9\\n\u2028"',
    '-0.5e-10',
    '{"a":[1,2.5,-0,1E+3,true,false,null,{"b":{}},[]],"":""}\r\n',
    `"${'x'.repeat(5_000_000)}"`,
    `${'['.repeat(deep)}${']'.repeat(deep)}`,
  ]
  // no text stands in a name: U+2028 ends a line of TAP
  for (const [index, text] of texts.entries()) t.equal(jsonFault(text), undefined, `text ${index}`)
})

t.test('agrees with JSON.parse on what is JSON, whatever character is put anywhere', async t => {
  const whole = '{"a":[1,-2.5e3,true,null,"x\\n"],"b":{}}'
  const differ: string[] = []
  for (let at = 0; at <= whole.length; at += 1)
    for (const put of [
      '',
      '"',
      '\\',
      ',',
      ':',
      '[',
      ']',
      '{',
      '}',
      '0',
      '.',
      '-',
      'e',
      'n',
      ' ',
      '\n',
    ])
      for (const drop of [0, 1]) {
        const text = whole.slice(0, at) + put + whole.slice(at + drop)
        if (parses(text) !== (jsonFault(text) === undefined)) differ.push(text)
      }
  t.strictSame(differ, [])
})
