/** What this operator has seen at the sources; at most one entry for each object of the cache. */
import type { ObjectKey } from '../kube/kube-object.ts'
import type { HubModel } from './hub-model.ts'
import type { BaseModel } from './kinds.ts'
import type { Finding, ReadSource } from './read-source.ts'
import { nextLook } from './schedule.ts'
import type { Look } from './situation.ts'

export type Looks = {
  /** Asks the hub where it is time to; undefined where it is not, and this operator never has. */
  at(key: ObjectKey, model: BaseModel, source: HubModel): Promise<Look | undefined>
  forget(key: ObjectKey): void
}

export type LooksOptions = {
  readonly read: ReadSource
  readonly now: () => number
  readonly observe?: (finding: Finding) => void
}

const isSilence = (finding: Finding) =>
  finding.kind === 'told' && finding.reason === 'SourceUnreachable'

export const createLooks = ({ read, now, observe }: LooksOptions): Looks => {
  const looks = new Map<ObjectKey, Look & { readonly uid: string | undefined }>()
  return {
    at: async (key, model, source) => {
      const { uid, generation = 0 } = model.metadata
      const known = looks.get(key)
      const before = known?.uid === uid && known?.generation === generation ? known : undefined
      if (nextLook(model, before) > now()) return before
      const finding = await read(source)
      observe?.(finding)
      const atMs = now()
      const answer = isSilence(finding) ? before?.answer : { finding, atMs }
      const failures = isSilence(finding) ? (before?.failures ?? 0) + 1 : 0
      const look = { uid, generation, atMs, failures, finding, ...(answer ? { answer } : {}) }
      looks.set(key, look)
      return look
    },
    forget: key => {
      looks.delete(key)
    },
  }
}
