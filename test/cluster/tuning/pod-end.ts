/** How a pod that is told to go ended: its object is gone a moment later, so it is watched all the while. */
import type { Cluster } from '../node.ts'

type WatchedPod = {
  readonly metadata?: {
    readonly deletionTimestamp?: string
    readonly deletionGracePeriodSeconds?: number
  }
  readonly spec?: { readonly terminationGracePeriodSeconds?: number }
  readonly status?: {
    readonly containerStatuses?: readonly {
      readonly state?: {
        readonly terminated?: { readonly exitCode: number; readonly finishedAt?: string }
      }
    }[]
  }
}

export type PodEnd = {
  readonly exitCode: number
  /** from the moment that it was told to go */
  readonly seconds: number
  readonly gracePeriodSeconds: number
}

/** A command of these tests may take two minutes. */
const WATCH_SECONDS = 100

const podsOf = (watched: string): readonly WatchedPod[] =>
  watched
    .split('\n')
    .filter(line => line !== '')
    .map(line => (JSON.parse(line) as { readonly object: WatchedPod }).object)

const toldAtMs = ({ metadata }: WatchedPod): number | undefined => {
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata ?? {}
  return deletionTimestamp === undefined || deletionGracePeriodSeconds === undefined
    ? undefined
    : Date.parse(deletionTimestamp) - 1000 * deletionGracePeriodSeconds
}

const endIn = (watched: string): PodEnd => {
  const pods = podsOf(watched)
  const told = pods.map(toldAtMs).find(at => at !== undefined)
  const ends = pods.flatMap(({ status }) => status?.containerStatuses?.[0]?.state?.terminated ?? [])
  const end = ends.at(-1)
  const gracePeriodSeconds = pods[0]?.spec?.terminationGracePeriodSeconds
  if (told === undefined || gracePeriodSeconds === undefined || !end?.finishedAt)
    throw new Error(`the pod was not seen to end: ${watched.slice(-4000)}`)
  const seconds = (Date.parse(end.finishedAt) - told) / 1000
  return { exitCode: end.exitCode, seconds, gracePeriodSeconds }
}

/** Starts to watch a pod that runs. @returns what tells how it ended, once the watch is over */
export const watchPodEnd = (
  { kubectl }: Pick<Cluster, 'kubectl'>,
  namespace: string,
  name: string,
): (() => Promise<PodEnd>) => {
  const query = `watch=true&timeoutSeconds=${WATCH_SECONDS}&fieldSelector=metadata.name%3D${name}`
  const watched = kubectl(['get', '--raw', `/api/v1/namespaces/${namespace}/pods?${query}`])
  // a test that fails before it asks has said so already
  watched.catch(() => {})
  return async () => endIn(await watched)
}
