import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import type { ModelConfig } from '../../../../trainer-image/src/model/config.ts'
import { readModelConfig } from '../../../../trainer-image/src/model/read-config.ts'
import { configFromJson } from '../../../../trainer-image/src/model/read-config-json.ts'
import { openWeights } from '../../../../trainer-image/src/weights/open-weights.ts'
import type { JsonObject } from '../../../../trainer-image/src/weights/read-json.ts'

type Recorded = { cases: Record<string, { config: JsonObject; gguf: string }> }
const path = new URL('../../../fixtures/parity/gguf-models.json.gz', import.meta.url)
const { cases }: Recorded = JSON.parse(gunzipSync(readFileSync(path)).toString('utf8'))

/** As the recording made them. */
const values = (name: string, shape: readonly number[]) => {
  const start = Buffer.from(name).reduce((a, b) => a + b, 0) % 97
  const count = shape.reduce((a, b) => a * b, 1)
  return Float32Array.from({ length: count }, (_, i) => (((i * 37 + start) % 241) - 120) / 64)
}

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
