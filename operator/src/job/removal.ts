/** Names what is to be deleted, with the uid it must still have. */
import type { KubeObject, ObjectRef } from '../kube/kube-object.ts'
import type { ChildKind, Removal } from './situation.ts'

export const removal = (kind: ChildKind, { metadata }: KubeObject): Removal => {
  const ref: ObjectRef = {
    name: metadata.name,
    ...(metadata.namespace ? { namespace: metadata.namespace } : {}),
  }
  return { kind, ref, uid: metadata.uid ?? '' }
}
