import { flameSvg } from '@attune/trainer/profile/flame-svg.ts'
import { runsIn } from '@attune/trainer/profile/kernel-times.ts'
import { groupPlaces, profileOf } from '@attune/trainer/profile/profile.ts'
import t from 'tap'

const event = (name: string, ts: number, dur: number, op?: string) => ({
  cat: op ? 'Node' : 'Session',
  name,
  ts,
  dur,
  ...(op ? { args: { op_name: op } } : {}),
})
const kernel = (name: string, ts: number, dur: number, op: string) =>
  event(`${name}_kernel_time`, ts, dur, op)

/** Two runs of a session; the second is the one that counts. */
const EVENTS = [
  event('session_initialization', 0, 50),
  event('model_run', 100, 1000),
  kernel('layers.0/mlp/FusedMatMul_1', 110, 900, 'FusedMatMul'),
  event('model_run', 2000, 500),
  kernel('layers.0/mlp/FusedMatMul_1', 2010, 100, 'FusedMatMul'),
  kernel('layers.0/mlp/gradient/FusedMatMul_2', 2110, 150, 'FusedMatMul'),
  kernel('layers.0/mlp/again/Mul_3', 2260, 50, 'Mul'),
  kernel('loss/Softmax_4', 2310, 60, 'Softmax'),
  kernel('Split_5', 2370, 40, 'Split'),
  // its time is that of the kernels in it, and 7 of its own
  kernel('layers.0/self_attn/Loop_6', 2260, 117, 'Loop'),
  event('layers.0/mlp/FusedMatMul_1_fence_before', 2005, 1, 'FusedMatMul'),
]

t.test('the first run of a session does not count', async t => {
  t.match(runsIn(EVENTS), [{ seconds: 500e-6, kernels: { length: 6 } }])
  t.equal(runsIn(EVENTS.slice(0, 3)).length, 1, 'unless there is no other')
  t.strictSame(runsIn([]), [])
})

const pieceOf = (operator: string, seconds: number) => ({
  seconds,
  kernels: [{ name: `update/${operator}`, operator, seconds: 0.8 * seconds }],
})

t.test('a step is so many micro-batches, and an update', async t => {
  const profile = profileOf({
    runs: { train: runsIn(EVENTS), norm: [], update: [pieceOf('Add', 0.25)] },
    timesPerStep: { train: 2, norm: 1, update: 1 },
  })
  t.match(profile, { profiledMicroBatches: 1, microBatchesPerStep: 2 })
  t.equal(profile.seconds.toFixed(6), '0.251000')
  t.equal(profile.betweenSeconds.toFixed(6), '0.050200')
  const place = (phase: string) => profile.places.filter(each => each.phase === phase)
  t.match(place('gradient'), [
    { layer: 'layers.0', part: 'mlp', operator: 'FusedMatMul', calls: 2 },
  ])
  t.match(place('again'), [{ layer: 'layers.0', part: 'mlp', operator: 'Mul' }])
  t.match(place('forward'), [
    { layer: 'layers.0', part: 'mlp', operator: 'FusedMatMul' },
    { layer: 'loss', part: '', operator: 'Softmax' },
    { layer: 'model', part: '', operator: 'Split' },
  ])
  t.match(place('update'), [{ layer: 'update', operator: 'Add', seconds: 0.2, calls: 1 }])
  const [largest] = groupPlaces(profile.places, ({ operator }) => operator)
  t.match(largest, { name: 'Add', seconds: 0.2 })
})

t.test('an update is as many runs as its parameters are pieces', async t => {
  const update = [pieceOf('Add', 0.25), pieceOf('Add', 0.75), pieceOf('Add', 0.5)]
  const profile = profileOf({
    runs: { train: runsIn(EVENTS), norm: [pieceOf('Mul', 1)], update },
    timesPerStep: { train: 1, norm: 2, update: 6 },
  })
  t.equal(profile.seconds.toFixed(6), (500e-6 + 2 * 1 + 6 * 0.5).toFixed(6))
  const places = profile.places.filter(({ phase }) => phase === 'update')
  const told = places.map(({ operator, seconds, calls }) => [operator, seconds.toFixed(6), calls])
  t.strictSame(told, [
    ['Mul', '1.600000', 2],
    ['Add', '2.400000', 6],
  ])
})

t.test('the picture stands alone and names every bar', async t => {
  const runs = { train: runsIn(EVENTS), norm: [], update: [] }
  const timesPerStep = { train: 1, norm: 1, update: 1 }
  const svg = flameSvg(profileOf({ runs, timesPerStep }))
  t.match(svg, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/)
  t.notMatch(svg, /href|<script|url\(/)
  t.match(svg, '<title>FusedMatMul: 0.3 ms, 50.0 %</title>', 'summed over the phases')
  t.match(svg, '<title>layers.0: 0.1 ms, 20.0 %</title>', 'and of one phase')
  t.equal(svg.match(/<g>/g)?.length, svg.match(/<\/g>/g)?.length)
})
