import t from 'tap'
import {
  type CacheLimits,
  SessionCache,
} from '../../../../trainer-image/src/session/session-cache.ts'

const cacheOf = (limits: CacheLimits, bytesOf: (key: string) => number = () => 1) => {
  const log: string[] = []
  const cache = new SessionCache(limits, async key => {
    log.push(`open ${key}`)
    const release = async () => {
      log.push(`release ${key}`)
    }
    return { session: { key, release }, bytes: bytesOf(key) }
  })
  return {
    cache,
    log,
    take: async (...keys: string[]) => {
      for (const key of keys) await cache.get(key)
      return log.splice(0)
    },
  }
}

t.test('a session is made once for as long as there is room', async t => {
  const { cache, take } = cacheOf({ sessions: 3, bytes: 100 })
  t.strictSame(await take('a', 'b', 'c', 'a', 'b', 'c'), ['open a', 'open b', 'open c'])
  t.equal((await cache.get('b')).key, 'b')
})

t.test('the one that was used longest ago makes room', async t => {
  const { take } = cacheOf({ sessions: 2, bytes: 100 })
  t.strictSame(await take('a', 'b', 'a', 'c'), ['open a', 'open b', 'open c', 'release b'])
  t.strictSame(await take('a', 'b'), ['open b', 'release c'])
})

t.test('large ones make room as many do, and the one in use stays', async t => {
  const { take } = cacheOf({ sessions: 10, bytes: 10 }, Number)
  t.strictSame(await take('4', '5', '1'), ['open 4', 'open 5', 'open 1'])
  t.strictSame(await take('7'), ['open 7', 'release 4', 'release 5'])
  t.strictSame(await take('12'), ['open 12', 'release 1', 'release 7'])
  t.strictSame(await take('12', '2'), ['open 2', 'release 12'])
})

t.test('all are released at the end', async t => {
  const { cache, log, take } = cacheOf({ sessions: 2, bytes: 100 })
  await take('a', 'b')
  await cache.close()
  t.strictSame(log, ['release a', 'release b'])
})
