import t from 'tap'
import { boundedCall, CallTooSlow } from '../../../../trainer-image/src/model/bounded-call.ts'
import { hasOwnPatterns } from '../../../../trainer-image/src/model/tokenizer-patterns.ts'
import { PRE_TOKENIZERS } from '../../../../trainer-image/src/model/tokenizer-rules.ts'
import { createTokenizer } from '../../../../trainer-image/src/model/tokenizer.ts'
import { tokenizerFiles } from '../../../../trainer-image/src/model/tokenizer-files.ts'

const LIMIT_MS = 50
/** tries every way to cut a run of a's into runs of a's */
const ENDLESS = '(?:a+)+!'
const RUN = 'a'.repeat(60)

const vocab = { a: 0, b: 1 }
const tokenizerWith = (change: object) =>
  createTokenizer(
    tokenizerFiles({ model: { type: 'BPE', vocab, merges: [] }, ...change }, {}),
    LIMIT_MS,
  )
const tooSlow = {
  name: 'StageError',
  reason: 'ModelUnsupported',
  message: /tokenizer\.json.*longer than 0\.05\d s for a text of 6\d/,
}

t.test('a regular expression of a tokenizer that does not end is told, not waited for', async t => {
  const pattern = { Regex: ENDLESS }
  const encoding: Record<string, object> = {
    splits: { pre_tokenizer: { type: 'Split', pattern, behavior: 'Isolated' } },
    replaces: { normalizer: { type: 'Replace', pattern, content: 'b' } },
  }
  for (const [name, change] of Object.entries(encoding)) {
    const tokenizer = tokenizerWith(change)
    t.throws(() => tokenizer.encodeText(`${RUN}b`), tooSlow, name)
    t.throws(() => tokenizer.encodeTemplate(`${RUN}b`), tooSlow, name)
    t.strictSame(tokenizer.encodeText('aab'), [0, 0, 1], 'and other text goes on')
  }
  const decoder = {
    type: 'Sequence',
    decoders: [{ type: 'Fuse' }, { type: 'Replace', pattern, content: '' }],
  }
  const tokenizer = tokenizerWith({ decoder })
  t.throws(() => tokenizer.decode([...new Array(60).fill(0), 1]), tooSlow)
  t.equal(tokenizer.decode([0, 1]), 'ab')
})

t.test('patterns that published models share need no limit', async t => {
  for (const [name, { pre }] of Object.entries(PRE_TOKENIZERS))
    t.notOk(hasOwnPatterns({ pre_tokenizer: pre as object }), name)
  t.ok(hasOwnPatterns({ pre_tokenizer: { type: 'Split', pattern: { Regex: ENDLESS } } }))
  t.ok(hasOwnPatterns({ decoder: { decoders: [{ pattern: { Regex: 'a' } }] } }))
  t.notOk(hasOwnPatterns({ normalizer: { type: 'Replace', pattern: { String: ' ' } } }))
})

t.test('what is thrown within a limit comes out as it is', async t => {
  const fault = new TypeError('its own')
  const fails = () => {
    throw fault
  }
  t.throws(() => boundedCall(fails, 1000), fault)
  const endless = () => {
    for (;;);
  }
  t.throws(() => boundedCall(endless, LIMIT_MS), CallTooSlow)
  t.equal(
    boundedCall(() => 7, 1000),
    7,
  )
})
