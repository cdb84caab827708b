/** Long work that lets watches, probes and the lease have their turn. */
import { setImmediate } from 'node:timers/promises'
import type { Steps } from '@attune/crds/experiment/steps.ts'

const SLICE_MS = 10

export type SliceOptions = {
  readonly sliceMs?: number
  readonly monotonic?: () => number
  readonly pause?: () => Promise<unknown>
}

export const runInSlices = async <T>(steps: Steps<T>, options: SliceOptions = {}): Promise<T> => {
  const { sliceMs = SLICE_MS, monotonic = () => performance.now() } = options
  const { pause = () => setImmediate() } = options
  let since = monotonic()
  for (;;) {
    const next = steps.next()
    if (next.done) return next.value
    if (monotonic() - since < sliceMs) continue
    await pause()
    since = monotonic()
  }
}
