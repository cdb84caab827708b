/** The contract of the client: the verbs of Kubernetes, each on a `ResourceKind`, each with a signal. */
import type { KubeObject, ObjectRef, ResourceKind } from './kube-object.ts'

export type RequestOptions = { readonly signal?: AbortSignal }

export type ListOptions = RequestOptions & {
  /** Absent: every namespace. */
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  /** Absent: what etcd has now; `0`: whatever the API server's cache has. */
  readonly resourceVersion?: string
  /** With a limit and no match, a resourceVersion other than `0` means exactly that one. */
  readonly resourceVersionMatch?: 'NotOlderThan' | 'Exact'
  /** Objects a page; 500 by default. */
  readonly limit?: number
  /** Objects in all, above which listing fails; 100,000 by default. */
  readonly maxItems?: number
}

export type ListPage<T extends KubeObject> = {
  readonly items: readonly T[]
  readonly resourceVersion: string
}

export type WatchOptions = RequestOptions & {
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  readonly resourceVersion?: string
  readonly timeoutSeconds?: number
  readonly allowBookmarks?: boolean
}

/** An `ERROR` of the stream is thrown as a `KubeError`; of a bookmark only the resourceVersion is set. */
export type WatchEvent<T extends KubeObject> = {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'
  readonly object: T
}

export type ApplyOptions = RequestOptions & {
  readonly fieldManager: string
  /** Take fields from other managers; for objects that only we write. */
  readonly force?: boolean
}

export type PatchOptions = RequestOptions & {
  readonly subresource?: 'status'
  readonly fieldManager?: string
}

/** RFC 6902, as far as it is used. */
export type JsonPatch = readonly {
  readonly op: 'add' | 'replace'
  readonly path: string
  readonly value: unknown
}[]

export type DeleteOptions = RequestOptions & {
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground'
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string }
  readonly gracePeriodSeconds?: number
}

/** A manifest holds only the fields we own: never an object that was read. */
export type Manifest = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly [field: string]: unknown
  }
  readonly [field: string]: unknown
}

/** All throw `KubeError`, or the reason of the signal once it is aborted. */
export type KubeClient = {
  get<T extends KubeObject>(
    kind: ResourceKind<T>,
    ref: ObjectRef,
    options?: RequestOptions,
  ): Promise<T>
  /** Like `get`; `undefined` where there is no such object. */
  find<T extends KubeObject>(
    kind: ResourceKind<T>,
    ref: ObjectRef,
    options?: RequestOptions,
  ): Promise<T | undefined>
  listPages<T extends KubeObject>(
    kind: ResourceKind<T>,
    options?: ListOptions,
  ): AsyncGenerator<ListPage<T>, void>
  list<T extends KubeObject>(kind: ResourceKind<T>, options?: ListOptions): Promise<ListPage<T>>
  /** Whether the API server knows the kind in that version; its CRD may come and go. */
  serves(kind: ResourceKind, options?: RequestOptions): Promise<boolean>
  watch<T extends KubeObject>(
    kind: ResourceKind<T>,
    options?: WatchOptions,
  ): AsyncGenerator<WatchEvent<T>, void>
  create<T extends KubeObject>(
    kind: ResourceKind<T>,
    manifest: Manifest,
    options?: RequestOptions & { readonly fieldManager?: string },
  ): Promise<T>
  /** Server-side apply. */
  apply<T extends KubeObject>(
    kind: ResourceKind<T>,
    manifest: Manifest,
    options: ApplyOptions,
  ): Promise<T>
  /** Server-side apply of the status subresource. */
  applyStatus<T extends KubeObject>(
    kind: ResourceKind<T>,
    manifest: Manifest,
    options: ApplyOptions,
  ): Promise<T>
  /**
   * JSON merge patch, or JSON patch where the body is a list; with `metadata.resourceVersion` in it, it conflicts
   * unless that is the current one.
   */
  patch<T extends KubeObject>(
    kind: ResourceKind<T>,
    ref: ObjectRef,
    body: Readonly<Record<string, unknown>> | JsonPatch,
    options?: PatchOptions,
  ): Promise<T>
  delete(kind: ResourceKind, ref: ObjectRef, options?: DeleteOptions): Promise<void>
  /** Closes every connection; what still runs fails. */
  close(): void
}

/** One finished request, for metrics: `code` is the HTTP status, or `error` where none came. */
export type RequestObservation = {
  readonly verb: string
  readonly code: number | 'error'
  readonly resource: string
  readonly seconds: number
}
