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

/** What all of them are told. */
export type EngineSettings = Omit<EngineStart, 'sums' | 'otherSums'>

const startThreads = (start: EngineSettings): readonly EngineThread[] => {
  const { replicas } = start
  const sums = Array.from({ length: replicas }, () => sharedVector(start.state.parameters.length))
  const { profileFolder: _, ...unprofiled } = start
  return sums.map((own, index) =>
    index === 0
      ? // makes the updates, and its profile is the wall's time
        startEngineThread({ ...start, sums: own, otherSums: sums.slice(1) })
      : startEngineThread({ ...unprofiled, sums: own }),
  )
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

export const startReplicas = (start: EngineSettings): Replicas => {
  const threads = startThreads(start)
  const turn = inTurn()
  return {
    share: (batch, command) =>
      turn(() => {
        const shares = sharesOf(batch, start.replicas)
        const each = start.threads / shares.length
        return allOf(shares.map((share, index) => threads[index]!.call(command(share, each))))
      }),
    first: command => turn(() => threads[0]!.call(command)),
    idle: () => turn(async () => undefined),
    close: () =>
      turn(async () => {
        await allOf(threads.map(thread => thread.close()))
      }),
  }
}
