/** The verbs of Kubernetes over HTTP. */
import { type Clock, systemClock } from './clock.ts'
import { createExchange, type Exchange, type ExchangeLimits, type KubeRequest } from './exchange.ts'
import type {
  DeleteOptions,
  KubeClient,
  ListOptions,
  Manifest,
  RequestObservation,
} from './kube-client.ts'
import type { KubeConnection } from './kube-connection.ts'
import { isForbidden, isNotFound } from './kube-error.ts'
import type { KubeObject, ObjectRef, ResourceKind } from './kube-object.ts'
import { listPages } from './list.ts'
import { creationPath, groupPath, objectPath, queryString } from './resource-path.ts'
import { createTransport } from './transport.ts'
import { watch } from './watch.ts'

export type KubeClientOptions = {
  readonly userAgent?: string
  readonly observe?: (observation: RequestObservation) => void
  readonly clock?: Clock
  readonly random?: () => number
  readonly limits?: Partial<ExchangeLimits & { readonly maxEventBytes: number }>
}

const LIMITS = Object.freeze({
  timeoutMs: 30_000,
  maxResponseBytes: 64 * 1024 * 1024,
  maxEventBytes: 8 * 1024 * 1024,
  maxAttempts: 4,
  maxRetryAfterMs: 30_000,
})
const MERGE_PATCH = 'application/merge-patch+json'
const JSON_PATCH = 'application/json-patch+json'
// JSON is YAML: the server takes either under this name
const APPLY_PATCH = 'application/apply-patch+yaml'

type Send = <T extends KubeObject>(kind: ResourceKind<T>, request: Request) => Promise<T>
type Request = Omit<KubeRequest, 'resource'> & { readonly subresource?: string }

const sender =
  (exchange: Exchange): Send =>
  async <T extends KubeObject>(kind: ResourceKind<T>, { subresource, ...request }: Request) => {
    const resource = subresource ? `${kind.plural}/${subresource}` : kind.plural
    return (await exchange.json({ ...request, resource })) as unknown as T
  }

const reads = (exchange: Exchange, send: Send, maxEventBytes: number) => {
  const get: KubeClient['get'] = (kind, ref, options = {}) =>
    send(kind, {
      verb: 'get',
      method: 'GET',
      path: objectPath(kind, ref),
      idempotent: true,
      signal: options.signal,
    })
  const find: KubeClient['find'] = async (kind, ref, options) => {
    try {
      return await get(kind, ref, options)
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }
  const list = async <T extends KubeObject>(kind: ResourceKind<T>, options: ListOptions = {}) => {
    const items: T[] = []
    let resourceVersion = ''
    for await (const page of listPages(exchange, kind, options)) {
      for (const item of page.items) items.push(item)
      resourceVersion = page.resourceVersion
    }
    return { items, resourceVersion }
  }
  const serves: KubeClient['serves'] = async ({ group, version, plural }, options = {}) => {
    const path = groupPath({ group, version })
    const request = { verb: 'get', resource: 'apis', method: 'GET', path, idempotent: true }
    try {
      const { resources } = await exchange.json({ ...request, signal: options.signal })
      return Array.isArray(resources) && resources.some(({ name }) => name === plural)
    } catch (error) {
      if (isNotFound(error) || isForbidden(error)) return false
      throw error
    }
  }
  return {
    get,
    find,
    list,
    serves,
    listPages: (kind, options = {}) => listPages(exchange, kind, options),
    watch: (kind, options = {}) => watch(exchange, maxEventBytes, kind, options),
  } satisfies Partial<KubeClient>
}

const refOf = ({ metadata: { name, namespace } }: Manifest): ObjectRef => ({
  name,
  ...(namespace === undefined ? {} : { namespace }),
})

const applies = (send: Send) => {
  const serverSideApply =
    (subresource?: 'status'): KubeClient['apply'] =>
    (kind, manifest, { fieldManager, force, signal }) => {
      const path = objectPath(kind, refOf(manifest), subresource)
      return send(kind, {
        verb: 'apply',
        method: 'PATCH',
        path: path + queryString({ fieldManager, force }),
        body: manifest,
        contentType: APPLY_PATCH,
        idempotent: true,
        subresource,
        signal,
      })
    }
  return { apply: serverSideApply(), applyStatus: serverSideApply('status') }
}

const writes = (send: Send) => {
  const create: KubeClient['create'] = (kind, manifest, { fieldManager, signal } = {}) =>
    send(kind, {
      verb: 'create',
      method: 'POST',
      path: creationPath(kind, manifest.metadata.namespace) + queryString({ fieldManager }),
      body: manifest,
      idempotent: false,
      signal,
    })
  const patch: KubeClient['patch'] = (kind, ref, body, options = {}) =>
    send(kind, {
      verb: 'patch',
      method: 'PATCH',
      path:
        objectPath(kind, ref, options.subresource) +
        queryString({ fieldManager: options.fieldManager }),
      body,
      contentType: Array.isArray(body) ? JSON_PATCH : MERGE_PATCH,
      // with a resourceVersion in it, the second time would conflict with the first
      idempotent: false,
      subresource: options.subresource,
      signal: options.signal,
    })
  const remove = async (
    kind: ResourceKind,
    ref: ObjectRef,
    { signal, propagationPolicy, preconditions, gracePeriodSeconds }: DeleteOptions = {},
  ) => {
    const options = { propagationPolicy, preconditions, gracePeriodSeconds }
    await send(kind, {
      verb: 'delete',
      method: 'DELETE',
      path: objectPath(kind, ref),
      body: { kind: 'DeleteOptions', apiVersion: 'v1', ...options },
      idempotent: true,
      signal,
    })
  }
  return { create, patch, delete: remove }
}

/** Importing and creating send nothing; the first call connects. */
export const createKubeClient = (
  connection: KubeConnection,
  options: KubeClientOptions = {},
): KubeClient => {
  const { userAgent = 'kube-client', clock = systemClock, random = Math.random } = options
  const { observe = () => {} } = options
  const limits = { ...LIMITS, ...options.limits }
  const transport = createTransport(connection, userAgent)
  const exchange = createExchange({ transport, clock, random, observe, limits })
  const send = sender(exchange)
  return Object.freeze({
    ...reads(exchange, send, limits.maxEventBytes),
    ...applies(send),
    ...writes(send),
    close: transport.close,
  })
}
