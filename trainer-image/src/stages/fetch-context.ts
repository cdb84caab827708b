/** What fetching is given by a stage, and how its progress is told. */
import type { FetchContext } from '../data/fetch-sources.ts'
import { retryText } from '../source/retry.ts'
import type { StageSurroundings } from './stage-context.ts'

/** Steps in which a download of unknown length is told, so that the activity does not change at each chunk. */
const TOLD_BYTES = 16 * 2 ** 20

/** @param share of the stage's progress that fetching takes */
export const fetchContext = (
  { report, log, ...context }: StageSurroundings,
  share: number,
): FetchContext => {
  let fraction = 0
  return {
    pvcRoot: context.pvcRoot,
    fileRoot: context.fileRoot,
    environment: context.environment,
    signal: context.signal,
    onProgress(what, { doneBytes, totalBytes }) {
      const told = Math.floor(doneBytes / TOLD_BYTES) * (TOLD_BYTES / 2 ** 20)
      const activity = `downloading ${what}`
      fraction = totalBytes ? share * Math.min(1, doneBytes / totalBytes) : 0
      report({
        activity: totalBytes || told === 0 ? activity : `${activity}, ${told} MiB`,
        fraction,
      })
    },
    onRetry(what, retry) {
      log.warn({ what, ...retry }, 'trying again')
      report({ activity: `${what}: ${retryText(retry)}`, fraction })
    },
  }
}
