/** Attention in a loop against attention with all blocks written out, which recorded cases hold to torch. */
import { backward } from '@attune/trainer/autodiff/backward.ts'
import { attention } from '@attune/trainer/autodiff/composites/attention.ts'
import { longAttention } from '@attune/trainer/autodiff/composites/long-attention.ts'
import { recomputed } from '@attune/trainer/autodiff/recompute.ts'
import { GraphBuilder } from '@attune/trainer/graph/build.ts'
import { mergeEqual } from '@attune/trainer/graph/merge-equal.ts'
import type { Node, Value } from '@attune/trainer/graph/node.ts'
import { mul } from '@attune/trainer/graph/operators/elementwise.ts'
import { reduceSum } from '@attune/trainer/graph/operators/reduce.ts'
import { writeOnnx } from '@attune/trainer/graph/write-onnx.ts'
import { seenKeys } from '@attune/trainer/model/attention-biases.ts'
import { fillUniform } from '@attune/trainer/model/random.ts'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import t from 'tap'

type Case = {
  /** tokens of the documents of each row */
  readonly rows: readonly (readonly number[])[]
  readonly kvHeads: number
  /** query heads of each of them */
  readonly groups: number
  readonly headDim: number
  /** queries of a turn */
  readonly block: number
  readonly window?: number
  readonly softcap?: number
  readonly isFused?: boolean
}

const CASES: Readonly<Record<string, Case>> = {
  'grouped heads, packed rows': {
    ...{ rows: [[300], [40, 100, 160]], kvHeads: 2, groups: 3, headDim: 8, block: 75 },
    isFused: true,
  },
  'a window below a block': {
    ...{ rows: [[300], [40, 100, 160]], kvHeads: 2, groups: 3, headDim: 8, block: 75 },
    ...{ window: 50, isFused: true },
  },
  'a window over blocks, and a cap': {
    ...{ rows: [[320], [64, 64, 192]], kvHeads: 2, groups: 1, headDim: 8, block: 64 },
    ...{ window: 130, softcap: 2 },
  },
  'a window of the token itself': {
    ...{ rows: [[10, 246]], kvHeads: 1, groups: 4, headDim: 8, block: 128 },
    ...{ window: 1, isFused: true },
  },
  'documents that end at blocks, and within': {
    ...{
      rows: [
        [1, 1, 1, 247],
        [125, 125],
        [124, 126],
      ],
      kvHeads: 2,
      groups: 2,
      headDim: 6,
    },
    ...{ block: 125, softcap: 1 },
  },
}

const each = <T>(rows: Case['rows'], value: (document: number, position: number) => T): T[] =>
  rows.flatMap(documents =>
    documents.flatMap((length, i) => Array.from({ length }, (_, t) => value(i + 1, t))),
  )

const numbers = (shape: readonly number[], seed: number): Float32Array => {
  const out = new Float32Array(shape.reduce((a, b) => a * b))
  fillUniform(out, 1, [seed, 0])
  return out
}

/** @returns what attention gives, and the gradients of q, k and v */
const run = async (isLong: boolean, given: Case): Promise<readonly Float32Array[]> => {
  const { rows, kvHeads, groups, headDim, block, window, softcap, isFused = false } = given
  const length = rows[0]!.reduce((a, b) => a + b)
  const [ofQueries, ofKeys] = [
    [rows.length, kvHeads, groups, length, headDim],
    [rows.length, kvHeads, length, headDim],
  ]
  const g = new GraphBuilder()
  const [q, k, v] = [ofQueries, ofKeys, ofKeys].map((shape, i) =>
    g.input('qkv'[i]!, 'float32', shape),
  ) as [Value, Value, Value]
  const segments = g.input('segments', 'int32', [rows.length, length])
  const positions = g.input('positions', 'int64', [rows.length, length])
  const inputs = {
    ...{ q, k, v },
    ...(window === undefined ? {} : { window }),
    ...(softcap === undefined ? {} : { softcap }),
  }
  const seen = () => seenKeys(g, { segments, positions }, length, { window })
  const out = isLong
    ? longAttention(g, { ...inputs, segments, positions, block, isFused })
    : attention(g, { ...inputs, ...seen() })
  const outShape = out.shape as readonly number[]
  const weights = g.constant('float32', numbers(outShape, 4), outShape)
  const loss = reduceSum(g, mul(g, out, weights), [0, 1, 2, 3, 4], false)
  const zero = g.input('zero', 'float32', [])
  ;[out, ...backward(g, loss, [q, k, v], zero)].forEach((value, i) => {
    g.output(`out_${i}`, value)
  })
  const session = await InferenceSession.create(writeOnnx(mergeEqual(g.finish('attention'))))
  const feeds: Readonly<Record<string, Tensor>> = {
    q: new Tensor('float32', numbers(ofQueries, 1), ofQueries),
    k: new Tensor('float32', numbers(ofKeys, 2), ofKeys),
    v: new Tensor('float32', numbers(ofKeys, 3), ofKeys),
    segments: new Tensor('int32', Int32Array.from(each(rows, document => document)), [
      ...segments.shape,
    ] as number[]),
    positions: new Tensor('int64', BigInt64Array.from(each(rows, (_, at) => BigInt(at))), [
      ...positions.shape,
    ] as number[]),
    zero: new Tensor('float32', [0], []),
  }
  const wanted = Object.fromEntries(session.inputNames.map(name => [name, feeds[name]!]))
  const outputs = await session.run(wanted)
  return session.outputNames.map(name => outputs[name]!.data as Float32Array)
}

const farthest = (a: Float32Array, b: Float32Array) =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0)
const largest = (a: Float32Array) => a.reduce((most, value) => Math.max(most, Math.abs(value)), 0)

for (const [name, given] of Object.entries(CASES))
  t.test(name, async t => {
    const [written, looped] = [await run(false, given), await run(true, given)]
    ;['the result', 'dQ', 'dK', 'dV'].forEach((what, i) => {
      const error = farthest(written[i]!, looped[i]!) / largest(written[i]!)
      t.ok(error < 3e-6, `${what}: ${error}`)
    })
  })

t.test('a row that does not part into blocks is refused', async t => {
  const g = new GraphBuilder()
  const heads = g.input('x', 'float32', [1, 1, 300, 8])
  const [segments, positions] = [
    g.input('segments', 'int32', [1, 300]),
    g.input('positions', 'int64', [1, 300]),
  ]
  const q = g.input('q', 'float32', [1, 1, 1, 300, 8])
  t.throws(() => longAttention(g, { q, k: heads, v: heads, segments, positions }), /blocks of 128/)
})

const bodyOf = ({ attributes: { body } }: Node): readonly Node[] =>
  body?.kind === 'graph' ? body.value.nodes : []

t.test('what runs in the loop belongs where the loop does, for profiles', async t => {
  const g = new GraphBuilder()
  const [segments, positions] = [
    g.input('segments', 'int32', [1, 256]),
    g.input('positions', 'int64', [1, 256]),
  ]
  const q = g.input('q', 'float32', [1, 1, 1, 256, 8])
  const k = g.input('k', 'float32', [1, 1, 256, 8])
  const out = g.scope('layers.0', () =>
    recomputed(g, q, x => {
      const y = longAttention(g, { q: x, k, v: k, segments, positions })
      return mul(g, y, y)
    }),
  )
  const zero = g.input('zero', 'float32', [])
  const [dq] = backward(g, reduceSum(g, out, [0, 1, 2, 3, 4], false), [q], zero)
  g.output('dq', dq!)
  g.output('out', out)
  const loops = g.finish('g').nodes.filter(({ operator }) => operator === 'Loop')
  const scopes = loops.map(({ scope }) => scope)
  t.strictSame(scopes, ['layers.0', 'layers.0/again', 'layers.0/gradient'])
  for (const loop of loops)
    t.strictSame(new Set(bodyOf(loop).flatMap(({ scope = [] }) => scope)), new Set([loop.scope]))
})
