/**
 * Asks running pods for their progress, a few at a time, and keeps the newest answers. Pods are not trusted:
 * those of one tenant that never answer must not keep the others waiting.
 */
import { request } from 'node:http'
import { type Clock, sleep, systemClock } from '../kube/clock.ts'
import { type ObjectKey, objectKey } from '../kube/kube-object.ts'
import type { Log } from '../kube/log.ts'
import { takeTurns } from '../kube/take-turns.ts'
import type { Pod } from './kinds.ts'
import { JOB_LABEL } from './names.ts'
import { isRunning } from './pod-state.ts'
import { type ProgressReport, readProgress } from './progress.ts'

const MAX_BYTES = 16 * 1024
const TIMEOUT_MS = 2_000
const CONCURRENCY = 16

export type ProgressPollerOptions = {
  readonly pods: () => readonly Pod[]
  readonly port: number
  readonly intervalMs: number
  /** The pod of this job said something new. */
  readonly onChange: (job: ObjectKey) => void
  readonly log: Log
  readonly clock?: Clock
  readonly concurrency?: number
  readonly timeoutMs?: number
}

export type ProgressPoller = {
  get(podUid: string): ProgressReport | undefined
  /** Until the signal is aborted; call it once. */
  run(signal: AbortSignal): Promise<void>
}

type Target = {
  readonly metadata: Pod['metadata']
  readonly uid: string
  readonly host: string
  readonly job: ObjectKey
}

const targetOf = (pod: Pod): Target | undefined => {
  const { uid, namespace, labels } = pod.metadata
  const name = labels?.[JOB_LABEL]
  const host = pod.status?.podIP
  if (!uid || !name || !host || !isRunning(pod)) return undefined
  const job = objectKey({ name, ...(namespace ? { namespace } : {}) })
  return { metadata: pod.metadata, uid, host, job }
}

/** Redirects are not followed and a body over the bound is an error. */
const fetchBody = (host: string, port: number, signal: AbortSignal): Promise<string> =>
  new Promise((resolve, reject) => {
    const options = { host, port, path: '/progress', signal, agent: false as const }
    const outgoing = request(options, response => {
      const chunks: Buffer[] = []
      let bytes = 0
      response.on('error', reject)
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        chunks.push(chunk)
        if (bytes > MAX_BYTES)
          response.destroy(new Error(`GET /progress answered more than ${MAX_BYTES} bytes`))
      })
      response.on('end', () => {
        if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString('utf8'))
        else reject(new Error(`GET /progress answered ${response.statusCode}`))
      })
    })
    outgoing.on('error', reject)
    outgoing.end()
  })

export const createProgressPoller = (options: ProgressPollerOptions): ProgressPoller => {
  const { pods, port, intervalMs, onChange, log, clock = systemClock } = options
  const { concurrency = CONCURRENCY, timeoutMs = TIMEOUT_MS } = options
  const reports = new Map<string, { readonly body: string; readonly report: ProgressReport }>()
  const asked = new Map<string, number>()

  const ask = async ({ uid, host, job }: Target, signal: AbortSignal) => {
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
      const body = await fetchBody(host, port, limit)
      if (reports.get(uid)?.body === body) return
      const report = readProgress(JSON.parse(body))
      if (!report) throw new TypeError('GET /progress answered something else than progress')
      reports.set(uid, { body, report })
      onChange(job)
    } catch (error) {
      // a pod that starts, ends or hangs; the next round asks again
      if (!signal.aborted) log.debug({ job, err: error }, 'no progress from a pod')
    }
  }

  /** Those that it does not come to begin the next. @returns the rest of its time */
  const round = async (signal: AbortSignal) => {
    const targets = pods()
      .map(targetOf)
      .filter(target => target !== undefined)
    const present = new Set(targets.map(({ uid }) => uid))
    for (const map of [reports, asked])
      for (const uid of map.keys()) if (!present.has(uid)) map.delete(uid)
    const started = clock.monotonic()
    const isOver = () => signal.aborted || clock.monotonic() - started >= intervalMs
    const waiting = takeTurns(targets, uid => asked.get(uid))
    const worker = async () => {
      for (const target of waiting) {
        asked.set(target.uid, clock.monotonic())
        await ask(target, signal)
        if (isOver()) return
      }
    }
    await Promise.all(Array.from({ length: concurrency }, worker))
    return Math.max(0, intervalMs - (clock.monotonic() - started))
  }

  const run = async (signal: AbortSignal) => {
    while (!signal.aborted) {
      const restMs = await round(signal)
      await sleep(clock, restMs, signal).catch(() => {})
    }
  }
  return { get: uid => reports.get(uid)?.report, run }
}
