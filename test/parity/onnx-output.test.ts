/** The published decoder of every family against transformers: a prompt at once, then token by token over its cache. */
import { join } from 'node:path'
import t from 'tap'
import { relativeError } from '../fixtures/parity/numbers.ts'
import { emptyCache, publishedDecoder, step } from '../fixtures/parity/published-decoder.ts'
import { MODELS, tokensOf, unpack, writeModel } from '../fixtures/parity/recorded-architecture.ts'

/** Single precision against single precision, through three layers. */
const TOLERANCE = 1e-4

for (const model of MODELS.cases)
  t.test(`${model.name} is published with the logits of transformers`, async t => {
    const session = await publishedDecoder(t, await writeModel(join(t.testdir({}), 'model'), model))
    const documents = tokensOf(model)
    for (const [document, prompt] of model.prompts.entries()) {
      const tokens = documents[document]!
      let { logits, cache } = await step(session, tokens.slice(0, prompt), 0, emptyCache(session))
      const rows = [logits]
      for (let past = prompt; past < tokens.length; past++) {
        ;({ logits, cache } = await step(session, tokens.slice(past, past + 1), past, cache))
        rows.push(logits)
      }
      const all = rows.flatMap(each => [...each])
      const every = tokens.length > 24 ? 8 : 1
      const recorded = all.filter((_, i) => Math.floor(i / MODELS.vocabulary) % every === 0)
      const error = relativeError(recorded, unpack(model.logits[document]!))
      t.ok(error <= TOLERANCE, `document ${document} (off by ${error})`)
    }
  })
