import { readdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { runStage } from '../../../../trainer-image/src/run-stage.ts'
import { aStageContext } from '../../../fixtures/a-stage-context.ts'
import { writeTinyJob } from '../../../fixtures/tiny-job.ts'

/** @param busy so many answers at first are 503 */
const serve = async (content: string, busy = 0) => {
  let requests = 0
  const server = createServer((_, response) => {
    requests += 1
    if (requests <= busy) response.writeHead(503)
    response.end(content)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/data/train.jsonl?signature=secret`,
    requests: () => requests,
    close: () => new Promise(resolve => server.close(resolve)),
  }
}

const pairs = Array.from(
  { length: 40 },
  (_, index) => `{"prompt":"ask ${index}","completion":"answer ${index}"}\n`,
).join('')

const jobAt = (folder: string, uri: string) =>
  writeTinyJob(folder, spec => ({
    ...spec,
    dataset: { sources: [{ uri }], validation: { fraction: 0.2 } },
  }))

t.test('a remote file is read once; a finished stage needs no network', async t => {
  const server = await serve(pairs)
  const tiny = await jobAt(t.testdir({}), server.uri)
  const first = await runStage('prepare', aStageContext(tiny))
  t.equal(first.exitCode, 0, first.result.message ?? '')
  const requests = server.requests()
  await server.close()
  const second = await runStage('prepare', aStageContext(tiny))
  t.equal(second.result.digest, first.result.digest)
  t.equal(server.requests(), requests)
  const names = await readdir(join(tiny.workspace, 'prepare', first.result.key))
  t.notOk(names.includes('data'), 'no copy of the file is kept')
})

t.test('an attempt that failed is told, with the wait for the next', async t => {
  const server = await serve(pairs, 1)
  t.teardown(server.close)
  const context = aStageContext(await jobAt(t.testdir({}), server.uri))
  const { exitCode } = await runStage('prepare', context)
  t.equal(exitCode, 0)
  t.match(
    context.reported.find(({ activity }) => activity.includes('attempt')),
    { activity: 'data: HTTP 503, attempt 1 of 6, next in 1 s', fraction: 0 },
  )
})

t.test("a signed URL's secret is not in what a tenant is told", async t => {
  const server = await serve('{"prompt":1,"completion":"x"}\n')
  t.teardown(server.close)
  const { result } = await runStage(
    'prepare',
    aStageContext(await jobAt(t.testdir({}), server.uri)),
  )
  t.match(result, {
    reason: 'DatasetMalformed',
    message: /train\.jsonl line 1: "prompt" must be text: 1/,
  })
  t.notMatch(result.message, /secret/)
})
