/** Ctrl-C once asks the running stage to save and stop, twice kills it. */
import { performance } from 'node:perf_hooks'
import type { StageProcess } from './stage-process.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** npx, npm and supervisors pass on what the whole process group has had already: one wish, not two. */
const SAME_WISH_MS = 200

export type Interrupts = {
  readonly asked: () => boolean
  readonly killed: () => boolean
  /** The stage that signals go to; undefined between stages. */
  readonly watch: (stage: Pick<StageProcess, 'kill'> | undefined) => void
  readonly dispose: () => void
}

/** @param say tells the user what happens now */
export const createInterrupts = (
  say: (line: string) => void,
  emitter: Pick<NodeJS.Process, 'on' | 'off'> = process,
  now: () => number = () => performance.now(),
): Interrupts => {
  let count = 0
  let last = Number.NEGATIVE_INFINITY
  let current: Pick<StageProcess, 'kill'> | undefined
  const interrupt = () => {
    const again = now() - last >= SAME_WISH_MS
    last = now()
    if (!again) return
    count += 1
    if (count === 1) say('stopping: the stage saves what it has (Ctrl-C again kills it)')
    current?.kill(count === 1 ? 'SIGTERM' : 'SIGKILL')
  }
  for (const signal of SIGNALS) emitter.on(signal, interrupt)
  return {
    asked: () => count > 0,
    killed: () => count > 1,
    watch: stage => {
      current = stage
      // asked while it was being started
      if (stage && count > 0) stage.kill(count === 1 ? 'SIGTERM' : 'SIGKILL')
    },
    dispose: () => {
      for (const signal of SIGNALS) emitter.off(signal, interrupt)
    },
  }
}
