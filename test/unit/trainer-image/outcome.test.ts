import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { StageResult } from '../../../crds/stage.ts'
import { writeTinyJob } from '../../fixtures/tiny-job.ts'

const MAIN = join(import.meta.dirname, '../../../trainer-image/src/main.ts')

const json = async (path: string): Promise<StageResult | undefined> =>
  existsSync(path) ? JSON.parse(await readFile(path, 'utf8')) : undefined

/** Prepare, with what else the command line and the process are given. */
const prepare = async (t: Test, args: readonly string[], imported?: string) => {
  const tiny = await writeTinyJob(t.testdir({}))
  const [result, log] = ['result.json', 'termination.json'].map(name =>
    join(tiny.workspace, '..', name),
  ) as [string, string]
  const child = spawn(
    process.execPath,
    [
      ...(imported ? ['--import', `data:text/javascript,${encodeURIComponent(imported)}`] : []),
      ...[MAIN, 'prepare', '--job', tiny.jobPath, '--workspace', tiny.workspace],
      ...['--result', result, '--termination-log', log, ...args],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let stderr = ''
  child.stderr.on('data', chunk => {
    stderr += String(chunk)
  })
  const exitCode = await new Promise(resolve => child.once('close', resolve))
  return { exitCode, stderr, result: await json(result), told: await json(log) }
}

const BROKEN = { stage: 'prepare', outcome: 'Failed', reason: 'StageFailed' }

for (const [event, act] of [
  ['uncaughtException', 'throw error'],
  ['unhandledRejection', 'Promise.reject(error)'],
] as const)
  t.test(`an ${event} somewhere ends in a result`, async t => {
    const imported = `process.on('newListener', name => {
      const error = new Error('the other side\\nis gone')
      if (name === '${event}') setImmediate(() => { ${act} })
    })`
    const run = await prepare(t, ['--no-server'], imported)
    t.equal(run.exitCode, 1, 'exit code', { stderr: run.stderr })
    t.match(run.result, { ...BROKEN, message: 'the other side is gone' })
    t.strictSame(run.told, run.result)
    t.match(run.stderr, /^StageFailed: the other side is gone$/m)
  })

t.test('a port that is taken ends in a result', async t => {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const run = await prepare(t, ['--port', `${port}`])
  t.equal(run.exitCode, 1, 'exit code', { stderr: run.stderr })
  const message = `port ${port} cannot be opened (EADDRINUSE); give another --port`
  t.match(run.result, { ...BROKEN, message })
  t.strictSame(run.told, run.result)
})

t.test('a result that cannot be written is told by the termination message', async t => {
  const path = '/proc/none/result.json'
  const run = await prepare(t, ['--no-server', '--result', path])
  t.equal(run.exitCode, 1, 'exit code', { stderr: run.stderr })
  const message = `the result cannot be written to ${path} (ENOENT); give another file`
  t.match(run.told, { ...BROKEN, message })
  t.match(run.stderr, `StageFailed: ${message}`)
})
