/** Plays Kueue for the queue `tuning`: a quota of devices, shared by several namespaces. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeClient } from '../../../operator/src/kube/kube-client.ts'
import { type Kueue, playKueue } from '../../fixtures/kueue/play-kueue.ts'
import { admission, type Claim } from './admission.ts'
import { claimsOf, hasLeft, idOf, isHalf, isNew, queuedJobs } from './claims.ts'

const PASS_MS = 300

export type Queue = {
  readonly quota: number
  /** Most devices that were given out at one time. */
  readonly mostUsed: () => number
  /** How often the Job was preempted, by `namespace/name`. */
  readonly preemptions: (job: string) => number
  /** What went wrong in the last pass; the next one tries again. */
  readonly problem: () => string | undefined
  stop(): Promise<void>
}

const usedBy = (claims: readonly Claim[]): number =>
  claims.filter(({ state }) => state !== 'Waiting').reduce((sum, { devices }) => sum + devices, 0)

const repeat = async (work: () => Promise<void>, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    await work()
    await sleep(PASS_MS, undefined, { signal }).catch(() => {})
  }
}

export const playQueue = (
  client: KubeClient,
  namespaces: readonly string[],
  quota: number,
): Queue => {
  const players = new Map<string, Kueue>(namespaces.map(name => [name, playKueue(client, name)]))
  const stopped = new AbortController()
  const preempted = new Map<string, number>()
  let mostUsed = 0
  let problem: string | undefined

  const act = async (id: string, deed: 'queues' | 'requeues' | 'admits' | 'preempts') => {
    const [namespace = '', name = ''] = id.split('/')
    await players.get(namespace)?.[deed](name)
  }
  const pass = async () => {
    const jobs = (await Promise.all(namespaces.map(name => queuedJobs(client, name)))).flat()
    for (const job of jobs.filter(isNew)) await act(idOf(job), 'queues')
    for (const job of jobs.filter(hasLeft)) await act(idOf(job), 'requeues')
    for (const job of jobs.filter(each => isHalf(each, 'Leaving'))) await act(idOf(job), 'preempts')
    for (const job of jobs.filter(each => isHalf(each, 'Admitted'))) await act(idOf(job), 'admits')
    const claims = claimsOf(jobs)
    mostUsed = Math.max(mostUsed, usedBy(claims))
    const { admit, preempt } = admission(claims, quota)
    for (const id of preempt) {
      preempted.set(id, (preempted.get(id) ?? 0) + 1)
      await act(id, 'preempts')
    }
    for (const id of admit) await act(id, 'admits')
  }
  const tryPass = async () => {
    try {
      await pass()
      problem = undefined
    } catch (error) {
      // a Job may go, or change, between a look and a deed
      problem = error instanceof Error ? error.message : String(error)
    }
  }
  const running = repeat(tryPass, stopped.signal)
  return {
    quota,
    mostUsed: () => mostUsed,
    preemptions: job => preempted.get(job) ?? 0,
    problem: () => problem,
    stop: async () => {
      stopped.abort()
      await running
    },
  }
}
