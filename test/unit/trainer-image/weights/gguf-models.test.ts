import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { ModelConfig } from '../../../../trainer-image/src/model/config.ts'
import { readModelConfig } from '../../../../trainer-image/src/model/read-config.ts'
import { configFromJson } from '../../../../trainer-image/src/model/read-config-json.ts'
import { openWeights } from '../../../../trainer-image/src/weights/open-weights.ts'
import { cases, values } from '../../../fixtures/parity/recorded-gguf.ts'

/** What a GGUF keeps in float32, to as many digits. */
const rounded = (config: ModelConfig): ModelConfig =>
  config.ropeScaling?.type === 'longrope'
    ? {
        ...config,
        ropeScaling: {
          ...config.ropeScaling,
          attentionFactor: Math.fround(config.ropeScaling.attentionFactor),
        },
      }
    : config

for (const [name, { config, gguf }] of Object.entries(cases))
  t.test(`reads ${name} as its Hugging Face folder is read`, async t => {
    const folder = t.testdir()
    writeFileSync(join(folder, 'model.gguf'), Buffer.from(gguf, 'base64'))
    t.strictSame(rounded(await readModelConfig(folder)), rounded(configFromJson(config, {})))
    const weights = await openWeights(folder)
    for (const name of weights.names)
      t.strictSame(await weights.read(name), values(name, weights.shape(name)), name)
    await weights.close()
  })
