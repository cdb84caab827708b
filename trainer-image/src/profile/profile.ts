/** Where the time of an optimizer step went: ONNX Runtime's own measurements, summed up. */
import type { KernelTime, ProfiledRun } from './kernel-times.ts'

/** `again`: computed once more for the backward pass instead of kept */
export const PHASES = ['forward', 'again', 'gradient', 'update'] as const
export type Phase = (typeof PHASES)[number]

/** Time at one place of the model: operators of one kind, of one part, in one phase. */
export type Place = {
  readonly phase: Phase
  /** `layers.3`, `loss`, or `model` for what belongs to neither */
  readonly layer: string
  /** `self_attn`, `mlp`; empty where a layer has no parts */
  readonly part: string
  readonly operator: string
  readonly seconds: number
  /** of the operator, within a step */
  readonly calls: number
}

export type Profile = {
  /** of one optimizer step, on average */
  readonly seconds: number
  /** of them, what was spent between operators */
  readonly betweenSeconds: number
  readonly profiledMicroBatches: number
  readonly microBatchesPerStep: number
  readonly places: readonly Place[]
}

const REST = 'model'

/** `layers.3/mlp/gradient/FusedMatMul_812` → layer, part, phase */
const placeOf = ({ name, operator }: KernelTime, isUpdate: boolean) => {
  const scopes = name.split('/').slice(0, -1)
  const marker = scopes.findLast(scope => scope === 'gradient' || scope === 'again')
  const [layer = REST, part = ''] = scopes.filter(
    scope => scope !== 'gradient' && scope !== 'again',
  )
  const phase: Phase = isUpdate ? 'update' : ((marker as Phase | undefined) ?? 'forward')
  return { phase, layer, part, operator }
}

type Sums = Map<string, Place>

const addRuns = (
  sums: Sums,
  runs: readonly ProfiledRun[],
  timesPerStep: number,
  isUpdate: boolean,
): void => {
  const weight = timesPerStep / Math.max(1, runs.length)
  for (const kernel of runs.flatMap(({ kernels }) => kernels)) {
    const place = placeOf(kernel, isUpdate)
    const key = Object.values(place).join(' ')
    const before = sums.get(key) ?? { seconds: 0, calls: 0 }
    const seconds = before.seconds + weight * kernel.seconds
    sums.set(key, { ...place, seconds, calls: before.calls + weight })
  }
}

/** What a step runs: micro-batches, and of the parameters in pieces the gradient's norm and the update. */
export const GRAPHS = ['train', 'norm', 'update'] as const
export type StepGraph = (typeof GRAPHS)[number]

export type Measured = {
  readonly runs: Readonly<Record<StepGraph, readonly ProfiledRun[]>>
  readonly timesPerStep: Readonly<Record<StepGraph, number>>
}

const meanSeconds = (runs: readonly ProfiledRun[]): number =>
  runs.reduce((sum, { seconds }) => sum + seconds, 0) / Math.max(1, runs.length)

export const profileOf = ({ runs, timesPerStep }: Measured): Profile => {
  const sums: Sums = new Map()
  for (const graph of GRAPHS) addRuns(sums, runs[graph], timesPerStep[graph], graph !== 'train')
  const places = [...sums.values()].map(place => ({ ...place, calls: Math.round(place.calls) }))
  const seconds = GRAPHS.reduce(
    (sum, graph) => sum + timesPerStep[graph] * meanSeconds(runs[graph]),
    0,
  )
  const inside = places.reduce((sum, place) => sum + place.seconds, 0)
  return {
    seconds,
    betweenSeconds: Math.max(0, seconds - inside),
    profiledMicroBatches: runs.train.length,
    microBatchesPerStep: timesPerStep.train,
    places,
  }
}

export type Group = { readonly name: string; readonly seconds: number; readonly calls: number }

/** @returns sums by what `nameOf` says, the largest first */
export const groupPlaces = (
  places: readonly Place[],
  nameOf: (place: Place) => string,
): readonly Group[] => {
  const groups = new Map<string, Group>()
  for (const place of places) {
    const name = nameOf(place)
    const { seconds, calls } = groups.get(name) ?? { seconds: 0, calls: 0 }
    groups.set(name, { name, seconds: seconds + place.seconds, calls: calls + place.calls })
  }
  return [...groups.values()].sort((a, b) => b.seconds - a.seconds)
}
