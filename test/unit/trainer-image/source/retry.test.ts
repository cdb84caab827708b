import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { statusError } from '../../../../trainer-image/src/source/http-status.ts'
import { type Retry, retryText, withRetry } from '../../../../trainer-image/src/source/retry.ts'
import { sourceNotFound } from '../../../../trainer-image/src/stage-error.ts'

const never = new AbortController().signal

/** Fails with the error at every attempt, and returns what was told. */
const toldOf = async (error: Error, delaysMs = [0, 0]): Promise<readonly Retry[]> => {
  const told: Retry[] = []
  const onRetry = (retry: Retry) => told.push(retry)
  await withRetry('x', () => Promise.reject(error), never, { delaysMs, onRetry }).catch(() => {})
  return told
}

t.test('each attempt but the last is told, with the wait for the next', async t => {
  t.strictSame(await toldOf(new Error('cut')), [
    { reason: 'cut', attempt: 1, attempts: 3, delaySeconds: 0 },
    { reason: 'cut', attempt: 2, attempts: 3, delaySeconds: 0 },
  ])
  t.equal(
    retryText({ reason: 'HTTP 503', attempt: 2, attempts: 6, delaySeconds: 2.4 }),
    'HTTP 503, attempt 2 of 6, next in 2 s',
  )
})

t.test('what cannot pass is neither told nor tried again', async t => {
  t.strictSame(await toldOf(sourceNotFound('gone')), [])
})

t.test('a reason names no host', async t => {
  const refused = Object.assign(new Error('connect ECONNREFUSED 10.1.2.3:443'), {
    code: 'ECONNREFUSED',
  })
  const cases: Readonly<Record<string, Error>> = {
    'connection refused': new TypeError('fetch failed', { cause: refused }),
    'no such host': Object.assign(new Error('getaddrinfo hub.example'), { code: 'ENOTFOUND' }),
    CERT_HAS_EXPIRED: Object.assign(new Error('hub.example'), { code: 'CERT_HAS_EXPIRED' }),
    'HTTP 503': statusError('https://hub.example/x', 503, ''),
    'HTTP 502': statusError('https://hub.example/x', 502, ''),
    'an answer of more than 3 bytes': new Error('hf://o/m: an answer of more than 3 bytes'),
    '5 of 9 bytes came': new Error('5 of 9 bytes came'),
  }
  for (const [reason, error] of Object.entries(cases))
    t.equal((await toldOf(error))[0]?.reason, reason)
})

t.test('a port where nobody listens refuses the connection', async t => {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  const error = await fetch(`http://127.0.0.1:${port}`).catch((cause: Error) => cause)
  t.equal((await toldOf(error as Error))[0]?.reason, 'connection refused')
})
