import t from 'tap'
import type { AdapterConfig, Tensor } from '../../../../trainer-image/src/model/adapter.ts'
import type { ModelConfig } from '../../../../trainer-image/src/model/config.ts'
import { initialAdapter } from '../../../../trainer-image/src/model/lora-init.ts'
import { startingParameters } from '../../../../trainer-image/src/model/start-from.ts'
import { configOf, runNamed } from '../../../fixtures/parity/recorded-run.ts'

const CONFIG: ModelConfig = configOf(runNamed('untied'))
const METHOD: AdapterConfig = { rank: 2, alpha: 4, targetModules: ['q_proj', 'up_proj'] }
const adapter = (config = METHOD, tensors = initialAdapter(CONFIG, config, 1)) => ({
  config,
  tensors,
})
const Q = 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight'

t.test('the adapter that is asked for is taken as it is', t => {
  const found = adapter()
  t.equal(startingParameters(CONFIG, METHOD, found), found.tensors)
  t.end()
})

t.test('another one is refused, with the field that differs', t => {
  const refused = (method: AdapterConfig, found: ReturnType<typeof adapter>, message: RegExp) =>
    t.throws(() => startingParameters(CONFIG, method, found), { name: 'StageError', message })
  refused({ ...METHOD, rank: 4 }, adapter(), /rank is 4, and the adapter has 2/)
  refused({ ...METHOD, alpha: 2 }, adapter(), /alpha is 2, and the adapter has 4/)
  refused(
    { ...METHOD, variant: 'DoRA' },
    adapter(),
    /variant is DoRA, and the adapter has Standard/,
  )
  refused(
    { ...METHOD, targetModules: ['q_proj', 'up_proj', 'down_proj'] },
    adapter(),
    /it lacks .*down_proj/,
  )
  refused({ ...METHOD, targetModules: ['q_proj'] }, adapter(), /it also has .*up_proj/)
  const wide: [string, Tensor] = [Q, { shape: [2, 5], data: new Float32Array(10) }]
  refused(
    METHOD,
    adapter(METHOD, new Map([...adapter().tensors, wide])),
    /is \[2,5\], but this model asks for .* another model/,
  )
  t.end()
})
