/** Reads the profiles that ONNX Runtime writes: a JSON list of events in Chrome's trace format. */
import { readFile } from 'node:fs/promises'

export type KernelTime = {
  /** the node's name: `layers.3/mlp/gradient/FusedMatMul_812` */
  readonly name: string
  readonly operator: string
  readonly seconds: number
}

export type ProfiledRun = {
  /** of the whole call, with what lies between the operators */
  readonly seconds: number
  readonly kernels: readonly KernelTime[]
}

type TraceEvent = {
  readonly cat: string
  readonly name: string
  readonly ts: number
  readonly dur: number
  readonly args?: { readonly op_name?: string }
}

const KERNEL = '_kernel_time'
/** Its time is that of the operators in it, which have events of their own, and what it adds. */
const LOOP = 'Loop'
const MICROSECONDS = 1e-6

const kernelOf = ({ name, dur, args }: TraceEvent): KernelTime => ({
  name: name.slice(0, -KERNEL.length),
  operator: args?.op_name ?? '',
  seconds: dur * MICROSECONDS,
})

const within = ({ ts, dur }: TraceEvent, events: readonly TraceEvent[]): readonly TraceEvent[] =>
  events.filter(event => event.ts >= ts && event.ts < ts + dur)

/** @returns the same, a Loop's without the time of what runs in it */
const ofItsOwn = (kernels: readonly TraceEvent[]): readonly TraceEvent[] => {
  const others = kernels.filter(({ args }) => args?.op_name !== LOOP)
  return kernels.map(kernel => {
    if (kernel.args?.op_name !== LOOP) return kernel
    const inside = within(kernel, others).reduce((sum, { dur }) => sum + dur, 0)
    return { ...kernel, dur: Math.max(0, kernel.dur - inside) }
  })
}

const runOf = (run: TraceEvent, kernels: readonly TraceEvent[]): ProfiledRun => ({
  seconds: run.dur * MICROSECONDS,
  kernels: ofItsOwn(within(run, kernels)).map(kernelOf),
})

/** @returns the runs of one session, without its first, which makes buffers that the others find */
export const runsIn = (events: readonly TraceEvent[]): readonly ProfiledRun[] => {
  const kernels = events.filter(({ cat, name }) => cat === 'Node' && name.endsWith(KERNEL))
  const runs = events.filter(({ name }) => name === 'model_run').sort((a, b) => a.ts - b.ts)
  return (runs.length > 1 ? runs.slice(1) : runs).map(run => runOf(run, kernels))
}

export const readRuns = async (path: string): Promise<readonly ProfiledRun[]> =>
  runsIn(JSON.parse(await readFile(path, 'utf8')) as readonly TraceEvent[])
