/** A long-running program of the cluster: started, watched while it starts, recorded, stopped. */
import { request } from 'node:https'
import { join } from 'node:path'
import { isAlive, type ProcessId, startProcess, tailOf } from './processes.ts'
import type { RunRecord } from './run-record.ts'
import type { Trace } from './traces.ts'
import { waitUntil } from './wait-until.ts'

export type ComponentOptions = {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly isReady: () => Promise<boolean>
  readonly timeoutMs?: number
}

export type Component = {
  readonly id: ProcessId
  readonly logFile: string
  stop(): Promise<void>
}

export const startComponent = async (
  record: RunRecord,
  { name, command, args, env, isReady, timeoutMs = 60_000 }: ComponentOptions,
): Promise<Component> => {
  const logFile = join(record.folder, `${name}.log`)
  const id = startProcess({ command, args, logFile, ...(env === undefined ? {} : { env }) })
  const trace: Trace = { kind: 'process', name, id }
  record.add(trace)
  await waitUntil(isReady, {
    what: `waiting for ${name} to be ready`,
    timeoutMs,
    detail: () => tailOf(logFile),
    isPossible: () => isAlive(id),
  })
  return { id, logFile, stop: () => record.remove(trace) }
}

/** Whether an HTTPS address answers 200; the server's certificate is of its own making. */
export const answersOk = (url: string): Promise<boolean> =>
  new Promise(resolve => {
    const asked = request(url, { rejectUnauthorized: false, timeout: 2000 }, reply => {
      reply.resume()
      resolve(reply.statusCode === 200)
    })
    asked.on('timeout', () => asked.destroy())
    asked.on('error', () => resolve(false))
    asked.end()
  })
