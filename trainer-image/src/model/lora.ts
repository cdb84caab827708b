/** Low-rank adapters (Hu et al. 2021, arXiv:2106.09685): y = xWᵀ + s·(xAᵀ)Bᵀ, and their variants. */
import { detached } from '../autodiff/composites/detached.ts'
import type { GraphBuilder } from '../graph/build.ts'
import type { Value } from '../graph/node.ts'
import { add, div, mul, sqrt } from '../graph/operators/elementwise.ts'
import { fusedMatMul } from '../graph/operators/matrix.ts'
import { concat, split } from '../graph/operators/movement.ts'
import { reduceSum, reduceSumSquare } from '../graph/operators/reduce.ts'
import { known } from '../graph/shapes.ts'
import { type AdapterConfig, adapterNames, scaleOf } from './adapter.ts'

/** Linear layers that share their input x: (M, in) @returns of each path (M, out) */
export type Linears = (g: GraphBuilder, x: Value, paths: readonly string[]) => readonly Value[]

/** @returns linear layers of the frozen `weight`s alone */
export const frozenLinears =
  (weight: (name: string) => Value): Linears =>
  (g, x, paths) =>
    paths.map(path => fusedMatMul(g, x, weight(`${path}.weight`), { transB: true }))

/** What the low-rank branch reads in x's place: (M, in) @returns (M, in), to be multiplied by `scale` */
export type AdapterInput = {
  readonly drop: (g: GraphBuilder, x: Value) => Value
  readonly scale: number
}

type Adapter = {
  readonly a: Value
  readonly b: Value
  readonly scale: number
  /** (out) what a row of the weight is multiplied by; absent: nothing */
  readonly factor?: Value
}

/** The A of all in one product: it reads x once, and so do its gradients. @returns of each (M, out) */
const lowRank = (g: GraphBuilder, x: Value, adapters: readonly Adapter[]): readonly Value[] => {
  const all = adapters.map(({ a }) => a)
  const low = fusedMatMul(g, x, all.length > 1 ? concat(g, all, 0) : all[0]!, { transB: true })
  const ranks = all.map(({ shape }) => known([shape[0]!])[0]!)
  const parts = all.length > 1 ? split(g, low, 1, ranks) : [low]
  return adapters.map(({ b, scale }, i) =>
    fusedMatMul(g, parts[i]!, b, { transB: true, alpha: scale }),
  )
}

/** ‖W + s·BA‖ of each row, from ‖W‖² + 2s·W·(BA) + s²·‖BA‖²: nothing of W's size is made. @returns (out) */
const rowNorms = (g: GraphBuilder, w: Value, { a, b, scale }: Adapter): Value => {
  const wa = fusedMatMul(g, w, a, { transB: true, alpha: 2 * scale })
  const baa = fusedMatMul(g, b, fusedMatMul(g, a, a, { transB: true }), { alpha: scale * scale })
  const changes = reduceSum(g, mul(g, b, add(g, wa, baa)), [1], false)
  return sqrt(g, add(g, reduceSumSquare(g, w, [1], false), changes))
}

export type AdapterParts = {
  /** by PEFT's name */
  readonly tensors: ReadonlyMap<string, Value>
  readonly config: AdapterConfig
  /** a frozen weight by its Hugging Face name, as DoRA looks at it */
  readonly weight: (name: string) => Value
  readonly input?: AdapterInput
}

/** @returns the adapter of each path, if it has one */
const adaptersOf = (g: GraphBuilder, parts: AdapterParts) => {
  const { tensors, config, weight } = parts
  const scale = scaleOf(config)
  const made = new Map<string, Adapter | undefined>()
  const make = (path: string): Adapter | undefined => {
    const names = adapterNames(path)
    const [a, b, magnitude] = [names.a, names.b, names.magnitude].map(name => tensors.get(name))
    if (!a || !b) return undefined
    const plain = { a, b, scale }
    if (!magnitude) return plain
    // DoRA (arXiv:2402.09353) takes the norm for a constant in the backward pass, as PEFT does
    const norms = detached(g, () => rowNorms(g, weight(`${path}.weight`), plain))
    return { ...plain, factor: div(g, magnitude, norms) }
  }
  // the factors belong to the weights and not to a block that is computed twice
  for (const name of tensors.keys()) {
    const path = /^base_model\.model\.(.+)\.lora_A\.weight$/.exec(name)?.[1]
    if (path !== undefined) made.set(path, make(path))
  }
  return (path: string) => made.get(path)
}

/** @returns linear layers with the adapter added */
export const loraLinears = (g: GraphBuilder, base: Linears, parts: AdapterParts): Linears => {
  const adapterOf = adaptersOf(g, parts)
  const { input } = parts
  const scaled = (adapter: Adapter): Adapter =>
    input ? { ...adapter, scale: adapter.scale * input.scale } : adapter
  return (builder, x, paths) => {
    const ys = base(builder, x, paths)
    const adapters = paths.map(adapterOf)
    const tuned = adapters.filter(adapter => adapter !== undefined).map(scaled)
    if (tuned.length === 0) return ys
    const read = input ? input.drop(builder, x) : x
    const deltas = lowRank(builder, read, tuned)[Symbol.iterator]()
    return ys.map((y, i) => {
      const adapter = adapters[i]
      if (!adapter) return y
      // Gemm would add y itself, but it copies y first and takes twice as long.
      const sum = add(builder, y, deltas.next().value!)
      const { factor } = adapter
      // the sum is kept, for the magnitude's gradient
      return factor ? builder.cheap(() => mul(builder, sum, factor)) : sum
    })
  }
}
