/** The engines of a training, each in a thread of its own, and how they share the work. */
import type { EngineCommand, EngineStart } from './engine-messages.ts'
import { type EngineThread, startEngineThread } from './engine-thread.ts'
import { sharedVector } from './flat-state.ts'
import { sharesOf } from './replicas.ts'
import type { MicroBatch } from './training-engine.ts'

/** @returns a function that begins when all that it was given before has ended: a command reads the state that the one before left */
const inTurn = () => {
  let last: Promise<unknown> = Promise.resolve()
  return <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(work)
    last = result.catch(() => undefined)
    return result
  }
}

/** Waits for the others even where one fails. */
const allOf = async <T>(promises: readonly Promise<T>[]): Promise<readonly T[]> => {
  await Promise.allSettled(promises)
  return Promise.all(promises)
}

/** @returns a function that gives the thread of each replica; all but the first start when they are first asked for */
const threadsOf = (start: Omit<EngineStart, 'sums'>, replicas: number) => {
  const sums = Array.from({ length: replicas }, () => sharedVector(start.state.parameters.length))
  const { profileFolder: _, ...unprofiled } = start
  const threads = new Map<number, EngineThread>()
  const thread = (index: number): EngineThread => {
    // the first makes the updates, and its profile is the wall's time
    const own = index === 0 ? { ...start, otherSums: sums.slice(1) } : unprofiled
    const found = threads.get(index) ?? startEngineThread({ ...own, sums: sums[index]! })
    threads.set(index, found)
    return found
  }
  thread(0)
  return { thread, threads }
}

export type Replicas = {
  /** @returns the answers to a micro-batch's shares, each on a replica of its own with its part of the threads */
  share<T>(
    batch: MicroBatch,
    command: (share: MicroBatch, threads: number) => EngineCommand,
  ): Promise<readonly T[]>
  /** for what is done once */
  first<T>(command: EngineCommand): Promise<T>
  /** when all that was told before is done */
  idle(): Promise<void>
  close(): Promise<void>
}

export const startReplicas = (start: Omit<EngineStart, 'sums'>, replicas: number): Replicas => {
  const { thread, threads } = threadsOf(start, replicas)
  const turn = inTurn()
  return {
    share: (batch, command) =>
      turn(() => {
        const shares = sharesOf(batch, replicas)
        const each = start.threads / shares.length
        return allOf(shares.map((share, index) => thread(index).call(command(share, each))))
      }),
    first: command => turn(() => thread(0).call(command)),
    idle: () => turn(async () => undefined),
    close: () =>
      turn(async () => {
        await allOf([...threads.values()].map(one => one.close()))
      }),
  }
}
