/** A worker thread with an engine in it: commands in, answers out. */
import { Worker } from 'node:worker_threads'
import type { EngineCommand, EngineReply, EngineStart } from './engine-messages.ts'

/** Room for what making a graph leaves behind, which V8 keeps once it has it: with its own 48 MB no graph is made faster. */
const YOUNG_GENERATION_MEGABYTES = 4

type Pending = {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
}

/** @returns a function that sends a command and waits for its answer; a dead worker fails every command */
const callsOf = (worker: Worker) => {
  const pending = new Map<number, Pending>()
  let count = 0
  let dead: Error | undefined
  const die = (error: Error) => {
    dead ??= error
    for (const { reject } of pending.values()) reject(error)
    pending.clear()
  }
  worker.on('error', error => die(error instanceof Error ? error : new Error(String(error))))
  worker.on('exit', code => die(new Error(`the training engine's thread ended with code ${code}`)))
  worker.on('message', (reply: EngineReply) => {
    const waiting = pending.get(reply.id)
    pending.delete(reply.id)
    if ('error' in reply) waiting?.reject(new Error(`training engine: ${reply.error}`))
    else waiting?.resolve(reply.result)
  })
  return <T>(command: EngineCommand): Promise<T> => {
    if (dead) return Promise.reject(dead)
    count += 1
    const id = count
    return new Promise<T>((resolve, reject) => {
      pending.set(id, { resolve: result => resolve(result as T), reject })
      worker.postMessage({ ...command, id })
    })
  }
}

export type EngineThread = {
  readonly call: <T>(command: EngineCommand) => Promise<T>
  readonly close: () => Promise<void>
}

export const startEngineThread = (start: EngineStart): EngineThread => {
  const worker = new Worker(new URL('./engine-worker.ts', import.meta.url), {
    workerData: start,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MEGABYTES },
  })
  const call = callsOf(worker)
  return {
    call,
    close: async () => {
      try {
        await call({ kind: 'close' })
      } finally {
        await worker.terminate()
      }
    },
  }
}
