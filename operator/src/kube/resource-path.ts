/** URLs of resources. */
import type { ObjectRef, ResourceKind } from './kube-object.ts'

export type Query = Readonly<Record<string, string | number | boolean | undefined>>

/** Under it the API server tells what a version of a group has. */
export const groupPath = ({ group, version }: Pick<ResourceKind, 'group' | 'version'>) =>
  group === '' ? `/api/${version}` : `/apis/${group}/${version}`

export const queryString = (query: Query): string => {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) parameters.set(name, String(value))
  const text = parameters.toString()
  return text === '' ? '' : `?${text}`
}

/** Without a namespace: the collection of all namespaces. */
export const collectionPath = (kind: ResourceKind, namespace?: string): string => {
  if (namespace !== undefined && !kind.namespaced)
    throw new TypeError(`${kind.kind} has no namespace, got ${namespace}`)
  const scope = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`
  return `${groupPath(kind)}${scope}/${kind.plural}`
}

export const creationPath = (kind: ResourceKind, namespace?: string): string => {
  if (kind.namespaced && !namespace) throw new TypeError(`${kind.kind} needs a namespace`)
  return collectionPath(kind, namespace)
}

export const objectPath = (
  kind: ResourceKind,
  { name, namespace }: ObjectRef,
  subresource?: string,
): string => {
  // an empty name would be the URL of the whole collection: a delete would empty it
  if (name === '') throw new TypeError(`${kind.kind} needs a name`)
  const path = `${creationPath(kind, namespace)}/${encodeURIComponent(name)}`
  return subresource === undefined ? path : `${path}/${subresource}`
}
