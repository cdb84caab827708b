/** What the API server answers instead of success, as one error type with predicates. */

/** `Status` of apimachinery, as far as we read it. */
export type KubeStatus = {
  readonly code?: number
  readonly reason?: string
  readonly message?: string
  readonly details?: KubeErrorDetails
}

export type KubeErrorDetails = {
  readonly name?: string
  readonly group?: string
  readonly kind?: string
  readonly retryAfterSeconds?: number
  readonly causes?: readonly {
    readonly reason?: string
    readonly message?: string
    readonly field?: string
  }[]
}

/** Reasons of ours, for what happens before there is an answer; their status is 0. */
export const CONNECTION_FAILED = 'ConnectionFailed'
export const REQUEST_TIMEOUT = 'RequestTimeout'
export const RESPONSE_TOO_LARGE = 'ResponseTooLarge'
export const RESPONSE_MALFORMED = 'ResponseMalformed'

export class KubeError extends Error {
  /** HTTP status; 0 where the server did not answer. */
  readonly status: number
  readonly reason: string
  readonly details: KubeErrorDetails

  constructor(
    failure: { status: number; reason: string; message: string; details?: KubeErrorDetails },
    options?: ErrorOptions,
  ) {
    super(failure.message, options)
    this.name = 'KubeError'
    this.status = failure.status
    this.reason = failure.reason
    this.details = failure.details ?? {}
  }
}

/** From a `Status` body, or an in-band ERROR of a watch. */
export const kubeErrorOfStatus = (status: KubeStatus, httpStatus: number, request: string) => {
  const code = status.code ?? httpStatus
  return new KubeError({
    status: code,
    reason: status.reason ?? 'Unknown',
    message: `${request}: ${status.message ?? `the API server answered ${code}`}`,
    ...(status.details ? { details: status.details } : {}),
  })
}

const kubeError = (error: unknown) => (error instanceof KubeError ? error : undefined)
const hasStatus = (error: unknown, ...statuses: number[]) =>
  statuses.includes(kubeError(error)?.status ?? -1)
const hasReason = (error: unknown, ...reasons: string[]) =>
  reasons.includes(kubeError(error)?.reason ?? '')

export const isNotFound = (error: unknown) => hasStatus(error, 404)
export const isAlreadyExists = (error: unknown) => hasReason(error, 'AlreadyExists')
/** Somebody else wrote in between, or owns a field that we apply. */
export const isConflict = (error: unknown) => hasStatus(error, 409) && !isAlreadyExists(error)
/** The resourceVersion or continue token is older than what the server keeps. */
export const isGone = (error: unknown) =>
  hasStatus(error, 410) || hasReason(error, 'Expired', 'Gone')
export const isInvalid = (error: unknown) => hasStatus(error, 400, 422)
export const isForbidden = (error: unknown) => hasStatus(error, 401, 403)
export const isConnectionFailure = (error: unknown) =>
  hasReason(error, CONNECTION_FAILED, REQUEST_TIMEOUT)
/** The server has not yet reached the resourceVersion; after a restore of etcd it never will. */
export const isResourceVersionTooLarge = (error: unknown) =>
  kubeError(error)?.details.causes?.some(cause => cause.reason === 'ResourceVersionTooLarge') ===
  true
/** The same request may succeed later, unchanged. */
export const isRetryable = (error: unknown) =>
  hasStatus(error, 408, 429, 500, 502, 503, 504) || isConnectionFailure(error)
