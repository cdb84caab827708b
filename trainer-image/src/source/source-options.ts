/** What fetching needs from outside, and what it says while it runs. */
import type { RetryOptions } from './retry.ts'

export type FetchProgress = {
  readonly doneBytes: number
  /** absent where the source does not say */
  readonly totalBytes?: number
}

export type FetchOptions = {
  /** folder for what is fetched; made if absent */
  readonly destination: string
  /** `pvc://claim/path` is `<pvcRoot>/claim/path` */
  readonly pvcRoot: string
  /** relative `file://` paths start here */
  readonly fileRoot: string
  /** HF_ENDPOINT and HF_TOKEN are looked at */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
  readonly onProgress?: (progress: FetchProgress) => void
  readonly retry?: RetryOptions
}

export type FetchedFile = {
  readonly name: string
  readonly path: string
  readonly bytes: number
  /** of the file's bytes, in hex */
  readonly sha256: string
}

/** Largest single file that is fetched. */
export const MAX_MODEL_FILE_BYTES = 200 * 2 ** 30
export const MAX_DATA_FILE_BYTES = 64 * 2 ** 30
