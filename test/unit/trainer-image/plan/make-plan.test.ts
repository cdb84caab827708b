import type { ModelConfig } from '@attune/trainer/model/config.ts'
import { makePlan } from '@attune/trainer/plan/make-plan.ts'
import t from 'tap'
import { resolveSpec } from '../../../../crds/defaults.ts'
import type { InstructionTuningJobSpec } from '../../../../crds/instruction-tuning-job-spec.ts'

const GIB = 2 ** 30

/** SmolLM2-135M, from its config.json. */
const smol: ModelConfig = {
  architecture: 'llama',
  vocabSize: 49152,
  hiddenSize: 576,
  intermediateSize: 1536,
  layers: 30,
  heads: 9,
  kvHeads: Array(30).fill(3),
  headDim: 64,
  rmsNormEpsilon: 1e-5,
  ropeTheta: 100000,
  maxPositions: 8192,
  tieWordEmbeddings: true,
  eosTokenIds: [2],
}
type Training = NonNullable<InstructionTuningJobSpec['training']>
const plan = (training: Training, changed: object = {}, accelerator = false) =>
  makePlan({
    config: smol,
    spec: resolveSpec({
      model: { source: { uri: 'hf://a/b' } },
      dataset: { sources: [{ uri: 'hf://datasets/a/b/c.jsonl' }] },
      method: { lora: { rank: 8 } },
      training,
      output: { uri: 'pvc://a/b' },
      ...(accelerator ? { resources: { accelerator: { count: 1 } } } : {}),
    }),
    dataset: { rows: 100, trainTokens: 40_000, responseTokens: 10_000 },
    memoryLimitBytes: 64 * GIB,
    cores: 2,
    cuda: true,
    ...changed,
  })

t.test('parameters are those that PEFT counts', async t => {
  t.match(plan({}), { modelParameters: 134_515_008, trainableParameters: 2_442_240 })
})

t.test('steps count as the training loop counts them', async t => {
  t.equal(plan({ batchSize: 16 }).totalSteps, 7, 'one epoch of 100 rows')
  t.equal(plan({ batchSize: 16, epochs: 2 }).totalSteps, 14)
  t.equal(plan({ batchSize: 16, maxSteps: 3 }).totalSteps, 3)
  t.equal(plan({ batchSize: 16 }).tokensPerStep, 6400)
})

t.test('Auto takes the largest power of two within the batch and 2,048 tokens', async t => {
  const size = (training: Training, accelerator = false) =>
    plan(training, {}, accelerator).microBatchSize
  t.equal(size({ sequenceLength: 512 }), 4)
  t.equal(size({ sequenceLength: 128 }), 16)
  t.equal(size({ sequenceLength: 300 }), 4)
  t.equal(size({ sequenceLength: 4096 }), 1)
  t.equal(size({ sequenceLength: 128, batchSize: 6 }), 4)
  t.equal(size({ sequenceLength: 512 }, true), 16, 'an accelerator takes more')
  const onCpu = plan({ sequenceLength: 512 }, { cuda: false }, true)
  t.strictSame(onCpu, plan({ sequenceLength: 512 }), 'unless the image has CPU kernels only')
  t.equal(size({ sequenceLength: 512, microBatchSize: 6 }), 6)
  t.equal(size({ sequenceLength: 512, microBatchSize: 99 }), 16, 'never more than a batch')
})

t.test(
  'where it does not fit, the micro-batch shrinks first, then layers are recomputed',
  async t => {
    const within = (gibibytes: number, training: Training = {}) =>
      plan({ sequenceLength: 512, ...training }, { memoryLimitBytes: gibibytes * GIB })
    t.match(within(8), { microBatchSize: 4, recompute: false, fits: true })
    t.match(within(2.5), { microBatchSize: 2, recompute: false, fits: true })
    const small = within(1.25)
    t.match(small, { recompute: true, fits: true })
    t.ok(small.estimatedMemoryBytes <= 1.25 * GIB)
    const [some, most] = [small.recomputedLayers ?? 0, within(1.1).recomputedLayers ?? 0]
    t.ok(0 < some && some < most && most < smol.layers, `${some} and ${most} layers`)
    t.match(within(0.5), { microBatchSize: 1, recompute: true, fits: false })
    t.match(within(0.5, { gradientCheckpointing: 'Disabled' }), { recompute: false, fits: false })
    t.match(within(64, { gradientCheckpointing: 'Enabled' }), { recompute: true })
  },
)

t.test('recomputing takes longer, more cores take less time', async t => {
  const seconds = (training: Training, changed = {}) => plan(training, changed).estimatedSeconds
  t.ok(
    seconds({ gradientCheckpointing: 'Enabled' }) > seconds({ gradientCheckpointing: 'Disabled' }),
  )
  t.ok(seconds({}, { cores: 8 }) < seconds({}, { cores: 2 }))
  t.ok(seconds({ epochs: 2 }) > 1.9 * seconds({ epochs: 1 }))
})

t.test('an accelerator that computes is held to its own memory', async t => {
  type Accelerator = NonNullable<NonNullable<InstructionTuningJobSpec['resources']>['accelerator']>
  const on = (accelerator: Accelerator, { cuda = true, gibibytes = 64 } = {}) =>
    makePlan({
      config: smol,
      spec: resolveSpec({
        model: { source: { uri: 'hf://a/b' } },
        dataset: { sources: [{ uri: 'hf://datasets/a/b/c.jsonl' }] },
        training: { sequenceLength: 512 },
        output: { uri: 'pvc://a/b' },
        resources: { accelerator },
      }),
      dataset: { rows: 100, trainTokens: 40_000, responseTokens: 10_000 },
      memoryLimitBytes: gibibytes * GIB,
      cores: 2,
      cuda,
    })
  const whole = on({ memory: '80Gi' }, { gibibytes: 1 })
  t.match(whole, { microBatchSize: 16, recompute: false, fits: true, memoryLimit: 'Accelerator' })
  const small = on({ memory: '4Gi' })
  t.match(small, { fits: true, memoryLimit: 'Accelerator' })
  t.ok(small.microBatchSize < 16 || small.recompute, 'fewer rows at once, or layers again')
  t.ok(small.estimatedMemoryBytes <= 4 * GIB)
  t.match(on({ memory: 2 ** 29 }), { microBatchSize: 1, recompute: true, fits: false })
  t.strictSame(on({ memory: '4Gi', count: 8 }).microBatchSize, small.microBatchSize, 'of one')

  const unknown = on({}, { gibibytes: 0.5 })
  t.notOk('fits' in unknown, 'not given: nothing is said of it')
  t.notOk('memoryLimit' in unknown)
  t.match(on({ memory: '80Gi' }, { cuda: false, gibibytes: 0.5 }), {
    fits: false,
    memoryLimit: 'Container',
  })
})

t.test('memory grows with the length of a row, not with its square', async t => {
  const training: Training = { batchSize: 1, gradientCheckpointing: 'Enabled' }
  const bytes = (sequenceLength: number) =>
    plan({ ...training, sequenceLength }).estimatedMemoryBytes
  const [short, middle, long] = [bytes(4096), bytes(6144), bytes(8192)] as const
  t.ok(long - middle < 1.1 * (middle - short), `${short}, ${middle}, ${long} bytes`)
  const held = (accelerator: boolean) =>
    plan({ ...training, sequenceLength: 4096 }, {}, accelerator).estimatedMemoryBytes
  t.not(held(true), held(false), 'an accelerator runs another graph')
  const odd = bytes(4033)
  t.equal(odd, short, 'a row that does not part into blocks is filled up')
})
