/** The events of a watch, one JSON document a line. */
import { type Exchange, parseJson } from './exchange.ts'
import type { WatchEvent, WatchOptions } from './kube-client.ts'
import {
  CONNECTION_FAILED,
  KubeError,
  type KubeStatus,
  kubeErrorOfStatus,
  RESPONSE_MALFORMED,
} from './kube-error.ts'
import type { KubeObject, ResourceKind } from './kube-object.ts'
import { collectionPath, queryString } from './resource-path.ts'
import { readLines } from './response-body.ts'

const WATCH_TYPES: ReadonlySet<unknown> = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK'])

const readEvent = <T extends KubeObject>(line: string, what: string): WatchEvent<T> => {
  const { type, object } = parseJson(line, what)
  if (type === 'ERROR') throw kubeErrorOfStatus(object as KubeStatus, 500, what)
  if (!WATCH_TYPES.has(type) || object === null || typeof object !== 'object')
    throw new KubeError({
      status: 0,
      reason: RESPONSE_MALFORMED,
      message: `${what}: unknown event ${JSON.stringify(type)}`,
    })
  return { type, object } as WatchEvent<T>
}

export async function* watch<T extends KubeObject>(
  exchange: Exchange,
  maxEventBytes: number,
  kind: ResourceKind<T>,
  options: WatchOptions,
): AsyncGenerator<WatchEvent<T>, void> {
  const { labelSelector, fieldSelector, resourceVersion, timeoutSeconds, signal } = options
  const allowWatchBookmarks = options.allowBookmarks
  const query = { labelSelector, fieldSelector, resourceVersion, timeoutSeconds }
  const path =
    collectionPath(kind, options.namespace) +
    queryString({ watch: true, allowWatchBookmarks, ...query })
  const request = { verb: 'watch', resource: kind.plural, method: 'GET', path, signal }
  const response = await exchange.stream({ ...request, idempotent: false })
  const what = `watch of ${kind.plural}`
  try {
    for await (const line of readLines(response, maxEventBytes)) yield readEvent<T>(line, what)
  } catch (cause) {
    if (signal?.aborted) throw signal.reason
    if (cause instanceof KubeError) throw cause
    const message = `${what}: ${(cause as Error).message}`
    throw new KubeError({ status: 0, reason: CONNECTION_FAILED, message }, { cause })
  } finally {
    response.destroy()
  }
}
