/**
 * Leader election by a Lease. Whether another's lease has run out is measured from the local moment at which
 * its record was seen to change, so clocks of different machines need not agree.
 */
import { type Clock, sleep, systemClock } from './clock.ts'
import { startDeadline } from './deadline.ts'
import type { KubeClient } from './kube-client.ts'
import { createLeaseWriter, type LeaseWriter } from './lease-writer.ts'
import type { Log } from './log.ts'

export type LeaderOptions = {
  readonly client: Pick<KubeClient, 'find' | 'create' | 'patch'>
  readonly namespace: string
  readonly name: string
  /** Unlike that of any other candidate, and of an earlier life of this one. */
  readonly identity: string
  readonly log: Log
  /** Leadership was lost, not released: whoever acts on it must stop at once. */
  readonly onLost: (reason: Error) => void
  readonly leaseDurationMs?: number
  readonly renewDeadlineMs?: number
  readonly retryPeriodMs?: number
  readonly clock?: Clock
  readonly random?: () => number
}

export type LeaderElector = {
  /** Resolves once we lead; from then on the lease is renewed until `release`, or `onLost` is called. Call it once. */
  acquire(signal: AbortSignal): Promise<void>
  /** False as soon as the last renewal is too old, even before `onLost`. */
  isLeader(): boolean
  /** Stops renewing and gives the lease away; for a graceful stop, after the work has ended. Never throws. */
  release(): Promise<void>
}

type Timing = {
  readonly leaseDurationMs: number
  readonly renewDeadlineMs: number
  readonly retryPeriodMs: number
}

/** client-go's jitter, so that candidates do not knock all at once. */
const JITTER = 1.2

const timingOf = (options: LeaderOptions): Timing => {
  const { leaseDurationMs = 15_000, renewDeadlineMs = 10_000, retryPeriodMs = 2_000 } = options
  if (leaseDurationMs <= renewDeadlineMs || renewDeadlineMs <= retryPeriodMs * JITTER)
    throw new TypeError(
      `need lease duration > renew deadline > ${JITTER} · retry period, got ${leaseDurationMs}, ${renewDeadlineMs}, ${retryPeriodMs} ms`,
    )
  return { leaseDurationMs, renewDeadlineMs, retryPeriodMs }
}

type Lease = {
  /** Until when the last renewal counts; negative once it is too old. */
  leftMs(): number
  /** One try to take or renew it. */
  attempt(limitMs: number, signal: AbortSignal): Promise<boolean>
}

const createLease = (
  { identity, log }: Pick<LeaderOptions, 'identity' | 'log'>,
  { renewDeadlineMs }: Timing,
  clock: Clock,
  writer: Pick<LeaseWriter, 'claim'>,
): Lease => {
  let renewedAt = Number.NEGATIVE_INFINITY
  const attempt = async (limitMs: number, signal: AbortSignal): Promise<boolean> => {
    // from before the request: the others count from after it
    const asked = clock.monotonic()
    const deadline = startDeadline(clock, limitMs, signal, `no answer within ${limitMs} ms`)
    try {
      if (!(await writer.claim(deadline.signal))) return false
      renewedAt = asked
      return true
    } catch (error) {
      if (!signal.aborted) log.warn({ identity, err: error }, 'lease could not be written')
      return false
    } finally {
      deadline.release()
    }
  }
  return { attempt, leftMs: () => renewedAt + renewDeadlineMs - clock.monotonic() }
}

type Renewal = Timing & {
  readonly identity: string
  readonly clock: Clock
  readonly lease: Lease
  readonly holder: LeaseWriter['holder']
}

/** Renews until the signal is aborted. @returns why the lease was lost, where it was */
const renewUntilLost = async (
  { renewDeadlineMs, retryPeriodMs, identity, clock, lease, holder }: Renewal,
  signal: AbortSignal,
): Promise<string | undefined> => {
  while (!signal.aborted) {
    const pauseMs = Math.min(retryPeriodMs, Math.max(lease.leftMs(), 0))
    await sleep(clock, pauseMs, signal).catch(() => {})
    if (signal.aborted) return undefined
    if (lease.leftMs() <= 0) return `not renewed for ${renewDeadlineMs} ms`
    const renewed = await lease.attempt(lease.leftMs(), signal)
    if (!renewed && holder() !== identity && !signal.aborted)
      return `it is held by ${holder() || 'nobody'}`
  }
  return undefined
}

const giveAway = async (
  { identity, log }: Pick<LeaderOptions, 'identity' | 'log'>,
  { renewDeadlineMs }: Timing,
  clock: Clock,
  writer: Pick<LeaseWriter, 'giveAway'>,
): Promise<void> => {
  const deadline = startDeadline(clock, renewDeadlineMs, undefined, 'no answer')
  try {
    if (await writer.giveAway(deadline.signal)) log.info({ identity }, 'released the lease')
  } catch (error) {
    log.warn({ identity, err: error }, 'lease could not be released; it runs out by itself')
  } finally {
    deadline.release()
  }
}

export const createLeaderElector = (options: LeaderOptions): LeaderElector => {
  const { identity, log, onLost, clock = systemClock, random = Math.random } = options
  const timing = timingOf(options)
  const { renewDeadlineMs, retryPeriodMs, leaseDurationMs } = timing
  const writer = createLeaseWriter({ ...options, clock, leaseDurationMs })
  const lease = createLease(options, timing, clock, writer)
  const stopRenewing = new AbortController()
  let state: 'idle' | 'acquiring' | 'leading' | 'over' = 'idle'
  let renewing: Promise<void> = Promise.resolve()

  const renew = async () => {
    const renewal = { ...timing, identity, clock, lease, holder: writer.holder }
    const lost = await renewUntilLost(renewal, stopRenewing.signal)
    if (lost === undefined) return
    state = 'over'
    onLost(new Error(`${identity} lost the lease: ${lost}`))
  }
  const acquire = async (signal: AbortSignal) => {
    signal.throwIfAborted()
    state = 'acquiring'
    while (!(await lease.attempt(renewDeadlineMs, signal)))
      await sleep(clock, retryPeriodMs * (1 + random() * (JITTER - 1)), signal)
    state = 'leading'
    log.info({ identity }, 'leading')
    renewing = renew()
  }
  const release = async () => {
    stopRenewing.abort()
    await renewing
    // an attempt that was aborted may have taken the lease all the same
    const mayHold = state === 'acquiring' || state === 'leading'
    state = 'over'
    if (mayHold) await giveAway(options, timing, clock, writer)
  }

  return { acquire, release, isLeader: () => state === 'leading' && lease.leftMs() > 0 }
}
