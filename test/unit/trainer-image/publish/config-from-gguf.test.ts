/** What no config.json says of a model that came as GGUF is refused, by the field. */
import t from 'tap'
import type { ModelConfig } from '../../../../trainer-image/src/model/config.ts'
import { readModelConfig } from '../../../../trainer-image/src/model/read-config.ts'
import { configProblem } from '../../../../trainer-image/src/publish/merged/config-from-gguf.ts'
import { configText } from '../../../../trainer-image/src/publish/merged/config-text.ts'
import { writeTinyModel } from '../../../fixtures/tiny-model.ts'

const FACTORS = Array.from({ length: 8 }, (_, i) => 1 + i / 2)
const REFUSED: readonly (readonly [change: Partial<ModelConfig>, field: string])[] = [
  [{ biases: ['q_proj'] }, 'biases'],
  [{ architecture: 'qwen3', queryKeyNorm: true, biases: ['q_proj'] }, 'biases'],
  [{ windows: [8, 8] }, 'windows'],
  [{ architecture: 'qwen3', queryKeyNorm: true, windows: [8, 8] }, 'windows'],
  [{ rotaryDim: 8 }, 'heads that are rotated in part'],
  [
    { ropeScaling: { type: 'longrope', shortFactors: FACTORS, attentionFactor: 1 } },
    'RoPE factors',
  ],
]

t.test('what no config.json says is refused', async t => {
  const config = await readModelConfig(await writeTinyModel(t.testdir({})))
  t.equal(configProblem(config), undefined)
  for (const [change, field] of REFUSED)
    t.match(
      configProblem({ ...config, ...change }),
      `the base came as GGUF with ${field} that no config.json of transformers says; take`,
    )
  t.match(
    configProblem({ ...config, architecture: 'phi3', ropeScaling: { type: 'linear', factor: 2 } }),
    /rope_scaling asks for RoPE scaling of type "linear"/,
  )
})

t.test('floats are written as Python writes them', async t => {
  const config = {
    final_logit_softcapping: 30,
    attn_logit_softcapping: null,
    rms_norm_eps: 1e-6,
    rope_scaling: { factor: 8, original_max_position_embeddings: 8192, rope_type: 'llama3' },
    rope_theta: 1e6,
    sliding_window: 512,
  }
  const text = configText(config)
  t.same(JSON.parse(text), config)
  const floats = [...text.matchAll(/"(\w+)": [\d]+\.0,?$/gm)].map(([, key]) => key)
  t.same(floats, ['final_logit_softcapping', 'factor', 'rope_theta'])
})
