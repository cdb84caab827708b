import t from 'tap'
import type { KubeClient } from '../../../../operator/src/kube/kube-client.ts'
import type { KubeObject } from '../../../../operator/src/kube/kube-object.ts'
import { silentLog } from '../../../../operator/src/kube/log.ts'
import { createPolicyCaches } from '../../../../operator/src/policy/policy-caches.ts'
import { aStoredPolicy } from '../../../fixtures/operator/a-stored-policy.ts'
import { pageOf, scriptedCollection } from '../../../fixtures/kube/scripted-collection.ts'

const policy = (resourceVersion: string, generation: number, name = 'small'): KubeObject => {
  const { metadata, ...rest } = aStoredPolicy({ generation })
  return { ...rest, metadata: { ...metadata, name, uid: `uid-of-${name}`, resourceVersion } }
}
const namespace = (name: string, resourceVersion: string, labels: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, uid: `uid-of-${name}`, resourceVersion, labels },
})
const modified = (object: KubeObject) => ({ type: 'MODIFIED' as const, object })

type Collection = ReturnType<typeof scriptedCollection>

/** Caches of what the API server lists and then tells of. */
const caches = (
  t: { teardown(work: () => Promise<void>): void },
  policies: Collection,
  namespaces: Collection,
) => {
  const of = (kind: { readonly plural: string }) =>
    kind.plural === 'namespaces' ? namespaces : policies
  const client = {
    serves: async () => true,
    listPages: (kind, options) => of(kind).listPages(kind, options),
    watch: (kind, options) => of(kind).watch(kind, options),
  } as Pick<KubeClient, 'serves' | 'listPages' | 'watch'> as KubeClient
  const made = createPolicyCaches({
    client,
    log: silentLog,
    watching: () => ({}),
    discoveryMs: 60_000,
  })
  const stop = new AbortController()
  const running: Promise<void>[] = []
  t.teardown(async () => {
    stop.abort()
    await Promise.all(running)
  })
  const [ofPolicies, ofNamespaces] = made.informers
  return {
    ...made,
    /** Resolves once the first list of each is there, that of the policies first. */
    run: async (beforeNamespaces: () => void = () => {}) => {
      for (const informer of [ofPolicies, ofNamespaces]) {
        if (!informer) throw new TypeError('an informer is missing')
        if (informer === ofNamespaces) beforeNamespaces()
        running.push(informer.run(stop.signal))
        await informer.whenSynced()
      }
    },
  }
}

t.test('what is written into the status of a policy leads to no job', async t => {
  const events = [modified(policy('2', 1)), modified(policy('3', 2))]
  const policies = scriptedCollection([[pageOf('1', policy('1', 1))]], [{ events }, {}])
  const namespaces = scriptedCollection([[pageOf('1')]], [{}])
  const { subscribe, subscribeOwn, run } = caches(t, policies, namespaces)
  const jobs: string[] = []
  const own: string[] = []
  subscribe(
    () => ['team-a/home'],
    key => jobs.push(key),
  )
  const { promise: all, resolve } = Promise.withResolvers<void>()
  subscribeOwn(key => {
    own.push(key)
    if (own.length === 3) resolve()
  })
  await run()
  await all
  t.strictSame(own, ['small', 'small', 'small'])
  t.equal(jobs.length, 2, 'when it came, and when its spec was edited')
})

t.test('the labels of a namespace lead to the policies that select it, or did', async t => {
  const events = [
    modified(namespace('team-a', '3', { tier: 'a' })),
    modified(namespace('team-a', '4', { tier: 'b' })),
    modified(namespace('last', '5', { tier: 'a' })),
  ]
  const there = [namespace('team-a', '2', { tier: 'a' }), namespace('team-b', '1', {})]
  const namespaces = scriptedCollection([[pageOf('2', ...there)]], [{ events }, {}])
  const policies = scriptedCollection([[pageOf('1', policy('1', 1))]], [{}])
  const { subscribeOwn, namespacesOf, of, run } = caches(t, policies, namespaces)
  const own: string[] = []
  const { promise: all, resolve } = Promise.withResolvers<void>()
  await run(() =>
    subscribeOwn(key => {
      own.push(key)
      if (namespacesOf(aStoredPolicy()).includes('last')) resolve()
    }),
  )
  await all
  t.strictSame(own, Array(4).fill('small'), 'itself, team-a twice, and the last one')
  t.strictSame(namespacesOf(aStoredPolicy()), ['last'])
  const names = (namespace: string) => of(namespace).map(({ metadata }) => metadata.name)
  t.strictSame(names('last'), ['small'])
  t.strictSame([...names('team-a'), ...names('team-b')], [])
})
