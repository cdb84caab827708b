/** Whole runs of models that are no Llama: every stage takes the family from its config.json. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { InstructionTuningJobSpec } from '../../../crds/instruction-tuning-job-spec.ts'
import { STAGES } from '../../../crds/stage.ts'
import { readModelConfig } from '../../../trainer-image/src/model/read-config.ts'
import { tunedWeights } from '../../../trainer-image/src/model/tuned-weights.ts'
import { readAdapter } from '../../../trainer-image/src/publish/peft-adapter.ts'
import { openWeights } from '../../../trainer-image/src/weights/open-weights.ts'
import { runStageProcess } from '../../fixtures/stage-process.ts'
import { writeTinyJob } from '../../fixtures/tiny-job.ts'

const FAMILIES = {
  'Phi-3': {
    model_type: 'phi3',
    architectures: ['Phi3ForCausalLM'],
    partial_rotary_factor: 0.5,
    sliding_window: 64,
  },
  'Gemma 3': {
    model_type: 'gemma3_text',
    architectures: ['Gemma3ForCausalLM'],
    hidden_activation: 'gelu_pytorch_tanh',
    head_dim: 16,
    query_pre_attn_scalar: 16,
    sliding_window: 64,
    sliding_window_pattern: 2,
  },
}

const asked = (spec: InstructionTuningJobSpec): InstructionTuningJobSpec => ({
  ...spec,
  output: { ...spec.output, formats: ['Adapter', 'Merged'] },
})

for (const [name, config] of Object.entries(FAMILIES))
  t.test(`${name} is tuned, answers and is published`, async t => {
    const folder = t.testdir({})
    const tiny = await writeTinyJob(folder, asked, { config })
    for (const stage of STAGES) {
      const ended = await runStageProcess(stage, tiny)
      t.equal(ended.exitCode, 0, stage, { stderr: ended.stderr })
    }
    const run = join(tiny.output, 'run-1')
    const base = await openWeights(join(folder, 'model'))
    const merged = await openWeights(join(run, 'merged'))
    t.teardown(() => Promise.all([base.close(), merged.close()]))
    const adapter = await readAdapter(join(run, 'adapter'))
    const expected = tunedWeights(base, { type: 'Adapter', ...adapter })
    for (const tensor of merged.names)
      t.strictSame(await merged.read(tensor), await expected.read(tensor), tensor)
    t.match(await readModelConfig(join(run, 'merged')), {
      architecture: config.model_type,
    })
    t.match(JSON.parse(await readFile(join(run, 'merged/config.json'), 'utf8')), config)
  })
