/** When the hub is asked again: seldom, at a different moment for each entry, and sooner where it did not answer. */
import { createHash } from 'node:crypto'
import { backoffDelay } from '../kube/backoff.ts'
import { type BaseModel, verifiedNow } from './kinds.ts'
import type { Look } from './situation.ts'

const HOUR_MS = 3_600_000
const PERIOD_MS = 6 * HOUR_MS
const RETRY = { baseMs: 30_000, capMs: HOUR_MS }

/** 0 to 1, always the same for one object: no two replicas and no two looks disagree. */
const spread = ({ metadata: { uid = '' } }: BaseModel): number =>
  createHash('sha256').update(uid).digest().readUInt32BE() / 2 ** 32

/** 4.5 to 7.5 hours. */
const periodMs = (model: BaseModel) => PERIOD_MS * (0.75 + spread(model) / 2)

/** Answers of an earlier operator are believed where they are good; it may have had another hub, or known less. */
const lastVerified = (model: BaseModel): number =>
  verifiedNow(model)?.status === 'True'
    ? Date.parse(model.status?.lastVerificationTime ?? '')
    : Number.NaN

/** @returns milliseconds since 1970; 0 where it has yet to be asked */
export const nextLook = (model: BaseModel, look: Look | undefined): number => {
  if (!look) return (lastVerified(model) || -periodMs(model)) + periodMs(model)
  if (look.failures === 0) return look.atMs + periodMs(model)
  return look.atMs + backoffDelay(RETRY, look.failures - 1, () => spread(model))
}
