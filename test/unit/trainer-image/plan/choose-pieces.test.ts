/** Replicas among the pieces; micro-batch and recomputation are make-plan's tests. */
import { choosePieces, memoryOf } from '@attune/trainer/plan/choose-pieces.ts'
import { planPieces } from '@attune/trainer/plan/plan-pieces.ts'
import t from 'tap'
import { resolveSpec } from '../../../../crds/defaults.ts'
import type { InstructionTuningJobSpec } from '../../../../crds/instruction-tuning-job-spec.ts'
import { modelOf } from '../../../bench/models.ts'

const GIB = 2 ** 30

type Changed = {
  readonly training?: NonNullable<InstructionTuningJobSpec['training']>
  readonly method?: NonNullable<InstructionTuningJobSpec['method']>
  readonly cores?: number
  readonly gibibytes?: number
}
const inputsOf = ({ training = {}, method = {}, cores = 2, gibibytes = 64 }: Changed) => ({
  config: modelOf('smollm2-135m'),
  spec: resolveSpec({
    model: { source: { uri: 'hf://a/b' } },
    dataset: { sources: [{ uri: 'hf://datasets/a/b/c.jsonl' }] },
    method: { lora: { rank: 8 }, ...method },
    training: { sequenceLength: 512, ...training },
    output: { uri: 'pvc://a/b' },
  }),
  dataset: { rows: 100, trainTokens: 40_000, responseTokens: 10_000 },
  memoryLimitBytes: gibibytes * GIB,
  cores,
  cuda: false,
})
const pieces = (changed: Changed) => choosePieces(inputsOf(changed))

t.test(
  'there are as many replicas as part rows and cores, where memory is no question',
  async t => {
    t.match(pieces({}), { microBatchSize: 4, recomputedLayers: 0, replicas: 2 })
    t.match(pieces({ cores: 8 }), { microBatchSize: 4, replicas: 4 })
    t.match(pieces({ cores: 3 }), { microBatchSize: 4, replicas: 1 })
    t.match(pieces({ training: { microBatchSize: 3 } }), { replicas: 1 })
    t.match(pieces({ method: { type: 'QLoRA' } }), { replicas: 1 })
    t.match(pieces({ training: { gradientCheckpointing: 'Enabled' } }), { replicas: 1 })
  },
)

t.test('they are given up before layers are computed twice', async t => {
  const fixed = { microBatchSize: 4, gradientCheckpointing: 'Auto' } as const
  const of = (gibibytes: number) => pieces({ training: fixed, cores: 4, gibibytes })
  const [four, one] = [4, 1].map(replicas =>
    memoryOf(inputsOf({ training: fixed, cores: 4 }), {
      microBatchSize: 4,
      recomputedLayers: 0,
      replicas,
    }),
  ) as [number, number]
  t.ok(one < four, `${one} of one, ${four} bytes of four`)
  const limit = (bytes: number) => (1.001 * bytes) / 0.9 / GIB
  t.match(of(limit(four)), { recomputedLayers: 0, replicas: 4 })
  t.match(of(limit(one)), { recomputedLayers: 0, replicas: 1 })
  const less = of(limit(0.9 * one))
  t.ok(less.recomputedLayers > 0)
  t.ok(memoryOf(inputsOf({ training: fixed, cores: 4 }), less) <= 0.9 * one * 1.001)
  const small = pieces({ training: { ...fixed, gradientCheckpointing: 'Disabled' }, gibibytes: 1 })
  t.match(small, { recomputedLayers: 0, replicas: 1 }, 'where nothing fits it is the least')
})

t.test('Train computes in the pieces that are planned', async t => {
  const planned = planPieces(inputsOf({}))
  t.strictSame(planned, { microBatchSize: 4, recompute: 0, threads: 2, replicas: 2 })
})
