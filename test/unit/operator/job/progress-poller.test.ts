import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import {
  createProgressPoller,
  type ProgressPoller,
} from '../../../../operator/src/job/progress-poller.ts'
import { silentLog } from '../../../../operator/src/kube/log.ts'
import { aPod, at } from '../../../fixtures/operator/tuning-job.ts'

const PROGRESS = { stage: 'prepare', activity: 'downloading model', fraction: 0.25 }
const UID = 'uid-of-home-1-prepare-abcde'

type TearingDown = { teardown(work: () => Promise<void>): void }

const running = () => {
  const pod = aPod(1, 'prepare', { runningSince: at(0) })
  return { ...pod, status: { ...pod.status, podIP: '127.0.0.1' } }
}

const listen = (server: Server, host: string, port = 0) =>
  new Promise<void>(resolve => server.listen(port, host, resolve))

const runs = (t: TearingDown, poller: ProgressPoller, ...servers: readonly Server[]) => {
  const stop = new AbortController()
  const done = poller.run(stop.signal)
  t.teardown(async () => {
    stop.abort()
    await done
    for (const server of servers) {
      server.closeAllConnections()
      server.close()
    }
  })
}

/** Polls until a number of answers was given and a round later. */
const poll = async (t: TearingDown, answer: RequestListener, pods = [running()]) => {
  let requests = 0
  const enough = Promise.withResolvers<void>()
  const server = createServer((request, response) => {
    requests += 1
    answer(request, response)
    response.on('close', () => requests >= 3 && enough.resolve())
  })
  await listen(server, '127.0.0.1')
  const changes: string[] = []
  const poller = createProgressPoller({
    pods: () => pods,
    port: (server.address() as AddressInfo).port,
    intervalMs: 1,
    timeoutMs: 200,
    onChange: key => changes.push(key),
    log: silentLog,
  })
  runs(t, poller, server)
  await enough.promise
  return { changes, report: poller.get(UID), requests: () => requests }
}

t.test('the newest answer is kept, and told of when it is new', async t => {
  const { changes, report } = await poll(t, (request, response) => {
    t.equal(request.url, '/progress')
    response.end(JSON.stringify(PROGRESS))
  })
  t.match(report, PROGRESS)
  t.strictSame(changes, ['team-a/home'], 'once for equal answers')
})

const bad: Readonly<Record<string, RequestListener>> = {
  'an error': (_, response) => response.writeHead(500).end(JSON.stringify(PROGRESS)),
  'a redirect': (_, response) => response.writeHead(302, { location: '/progress' }).end(),
  'no JSON': (_, response) => response.end('{'),
  'something else': (_, response) => response.end('{"stage":"prepare"}'),
  'a body without end': (_, response) => {
    response.on('error', () => {})
    response.end(JSON.stringify({ ...PROGRESS, padding: 'x'.repeat(64 * 1024) }))
  },
  'no answer': () => {},
}
for (const [name, answer] of Object.entries(bad)) {
  t.test(`${name} is no progress`, async t => {
    const { changes, report } = await poll(t, answer)
    t.equal(report, undefined)
    t.strictSame(changes, [])
  })
}

t.test('pods of one tenant that never answer do not hold up the one of another', async t => {
  const HANGING = 60
  const place = (name: string, namespace: string, podIP: string) => {
    const pod = aPod(1, 'prepare', { runningSince: at(0) }, { name })
    return {
      ...pod,
      metadata: { ...pod.metadata, namespace },
      status: { ...pod.status, podIP },
    }
  }
  const asked = { hanging: 0, neighbour: 0 }
  const enough = Promise.withResolvers<void>()
  const silent = createServer(() => {
    asked.hanging += 1
    if (asked.hanging >= HANGING) enough.resolve()
  })
  const server = createServer((_, response) => {
    asked.neighbour += 1
    response.end(JSON.stringify(PROGRESS))
    if (asked.neighbour >= 4) enough.resolve()
  })
  await listen(server, '127.0.0.1')
  const { port } = server.address() as AddressInfo
  await listen(silent, '127.0.0.2', port)
  const hanging = Array.from({ length: HANGING }, (_, i) => place(`a-${i}`, 'team-a', '127.0.0.2'))
  const poller = createProgressPoller({
    pods: () => [...hanging, place('b', 'team-b', '127.0.0.1')],
    port,
    intervalMs: 5,
    timeoutMs: 50,
    concurrency: 2,
    onChange: () => {},
    log: silentLog,
  })
  runs(t, poller, server, silent)
  await enough.promise
  t.equal(asked.neighbour, 4, 'it is asked four times before each of the others was asked once')
  t.ok(asked.hanging < HANGING)
})
