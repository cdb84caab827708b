/** Lists of a resource, in pages. */
import type { Exchange } from './exchange.ts'
import type { ListOptions, ListPage } from './kube-client.ts'
import { KubeError, RESPONSE_MALFORMED, RESPONSE_TOO_LARGE } from './kube-error.ts'
import { apiVersionOf, type KubeObject, type ResourceKind } from './kube-object.ts'
import { collectionPath, queryString } from './resource-path.ts'

const LIST_LIMIT = 500
const LIST_MAX_ITEMS = 100_000

const readPage = <T extends KubeObject>(kind: ResourceKind<T>, body: Record<string, unknown>) => {
  const { items, metadata } = body as {
    items?: unknown
    metadata?: { resourceVersion?: string; continue?: string }
  }
  // Go writes an empty list as null
  const list = items ?? []
  if (!Array.isArray(list) || typeof metadata?.resourceVersion !== 'string')
    throw new KubeError({
      status: 0,
      reason: RESPONSE_MALFORMED,
      message: `the answer to a list of ${kind.plural} is not a list`,
    })
  const typed = { apiVersion: apiVersionOf(kind), kind: kind.kind }
  return {
    // items of a list do not say their own kind
    items: list.map((item: object) => ({ ...typed, ...item }) as T),
    resourceVersion: metadata.resourceVersion,
    next: metadata.continue || undefined,
  }
}

export async function* listPages<T extends KubeObject>(
  exchange: Exchange,
  kind: ResourceKind<T>,
  options: ListOptions,
): AsyncGenerator<ListPage<T>, void> {
  const { limit = LIST_LIMIT, maxItems = LIST_MAX_ITEMS, labelSelector, fieldSelector } = options
  const { resourceVersion, resourceVersionMatch } = options
  let next: string | undefined
  let count = 0
  do {
    const query = queryString({
      limit,
      labelSelector,
      fieldSelector,
      // the token already says which version it continues
      ...(next ? { continue: next } : { resourceVersion, resourceVersionMatch }),
    })
    const body = await exchange.json({
      verb: 'list',
      resource: kind.plural,
      method: 'GET',
      path: collectionPath(kind, options.namespace) + query,
      idempotent: true,
      signal: options.signal,
    })
    const page = readPage(kind, body)
    count += page.items.length
    if (count > maxItems) {
      const message = `more than ${maxItems} ${kind.plural}: narrow the selector or raise maxItems`
      throw new KubeError({ status: 0, reason: RESPONSE_TOO_LARGE, message })
    }
    next = page.next
    yield { items: page.items, resourceVersion: page.resourceVersion }
  } while (next !== undefined)
}
