/** Mirrors a collection: list in pages, then watch, through everything that ends a watch. */
import type { KubeObject, ObjectKey } from './kube-object.ts'

export type Delta<T extends KubeObject> =
  | { readonly type: 'set'; readonly object: T }
  | { readonly type: 'deleted'; readonly key: ObjectKey; readonly uid: string }
  | { readonly type: 'synced'; readonly resourceVersion: string }
