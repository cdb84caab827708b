/** What an HTTP status of a source means for the job. */
import { sourceForbidden, sourceNotFound } from '../stage-error.ts'
import { BusySource } from './retry.ts'

/** @param advice what to do when access is refused */
export const statusError = (
  uri: string,
  status: number,
  advice: string,
  retryAfter: string | null = null,
): Error => {
  if (status === 401 || status === 403)
    return sourceForbidden(`${uri} refused access (HTTP ${status}); ${advice}`)
  if (status === 404 || status === 410)
    return sourceNotFound(`${uri} does not exist (HTTP ${status}); check the uri`)
  if (status === 429 || status === 503)
    return new BusySource(`${uri} is busy (HTTP ${status})`, delayOf(retryAfter))
  // other refusals of the request itself will not change by asking again
  if (status >= 400 && status < 500 && status !== 408)
    return sourceNotFound(`${uri} cannot be had (HTTP ${status}); check the uri`)
  return new Error(`${uri} answered HTTP ${status}`)
}

const delayOf = (retryAfter: string | null): number => {
  const seconds = Number(retryAfter)
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 0
}
