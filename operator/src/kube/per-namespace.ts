/** One cache of several namespaces, each with a watch of its own: an operator without rights in the whole cluster may list in no other way. */
import type { Informer } from './informer.ts'
import { type KubeObject, parseKey } from './kube-object.ts'

/** @param namespaces none: the whole cluster, with one informer */
export const perNamespace = <T extends KubeObject>(
  namespaces: readonly string[],
  create: (namespace: string | undefined) => Informer<T>,
): Informer<T> => {
  const [only] = namespaces
  if (namespaces.length <= 1) return create(only)
  const informers = new Map(namespaces.map(namespace => [namespace, create(namespace)]))
  const all = [...informers.values()]
  return {
    get: key => informers.get(parseKey(key).namespace ?? '')?.get(key),
    list: namespace =>
      namespace === undefined
        ? all.flatMap(informer => informer.list())
        : (informers.get(namespace)?.list() ?? []),
    ownedBy: uid => all.flatMap(informer => informer.ownedBy(uid)),
    byIndex: (index, value) => all.flatMap(informer => informer.byIndex(index, value)),
    get size() {
      return all.reduce((sum, { size }) => sum + size, 0)
    },
    subscribe: subscription => {
      const ends = all.map(informer => informer.subscribe(subscription))
      return () => {
        for (const end of ends) end()
      }
    },
    hasSynced: () => all.every(informer => informer.hasSynced()),
    whenSynced: async signal => {
      await Promise.all(all.map(informer => informer.whenSynced(signal)))
    },
    run: async signal => {
      await Promise.all(all.map(informer => informer.run(signal)))
    },
    clear: () => {
      for (const informer of all) informer.clear()
    },
  }
}
