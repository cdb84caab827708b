import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { lockWorkspace } from '../../../../cli/src/workspace/lock.ts'
import { identityOf } from '../../../../cli/src/workspace/process-identity.ts'

const RACER = join(import.meta.dirname, '../../../fixtures/cli/lock-racer.ts')
const since = '2026-01-01T00:00:00Z'

/** A lock, and a claim on it, whose owner is gone. */
const STALE = JSON.stringify({ pid: 2 ** 30, host: hostname(), since })
const DEAD_CLAIM = JSON.stringify({ pid: 2 ** 30 - 1, host: hostname(), since })
const CLAIM = `lock.takeover-${createHash('sha256').update(STALE).digest('hex').slice(0, 16)}`

const deadPid = async (): Promise<number> => {
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  return child.pid ?? 0
}

const locked = (folder: string, owner: unknown) =>
  writeFileSync(join(folder, 'lock'), typeof owner === 'string' ? owner : JSON.stringify(owner))

t.test('a workspace is locked once, and free after the release', async t => {
  const folder = t.testdir()
  const lock = await lockWorkspace(folder)
  await t.rejects(lockWorkspace(folder), new RegExp(`process ${process.pid} has worked here since`))
  await lock.release()
  await (await lockWorkspace(folder)).release()
  t.strictSame(readdirSync(folder), [])
})

t.test('a lock is taken over', async t => {
  const pid = await deadPid()
  const cases: Readonly<Record<string, unknown>> = {
    'from a process that is gone': { pid, host: hostname(), since },
    'from a pid that was given out again': {
      ...{ pid: process.pid, startTime: '1', host: hostname(), since },
    },
    'when its stage is gone too': { pid, host: hostname(), since, stage: { pid } },
    'when it was cut short': '{"pid":',
    'when it is of another shape': '[]',
  }
  for (const [name, owner] of Object.entries(cases)) {
    const folder = t.testdir()
    locked(folder, owner)
    const lock = await lockWorkspace(folder)
    t.match(JSON.parse(readFileSync(join(folder, 'lock'), 'utf8')), { pid: process.pid }, name)
    t.strictSame(readdirSync(folder), ['lock'], 'nothing is left beside it')
    await lock.release()
  }
})

t.test('a lock is kept', async t => {
  const pid = await deadPid()
  const cases: Readonly<Record<string, unknown>> = {
    'while its process runs': { ...identityOf(process.pid), host: hostname(), since },
    'while its stage runs': { pid, host: hostname(), since, stage: identityOf(process.pid) },
    'on another machine, of which nothing is known': { pid, host: 'elsewhere', since },
  }
  for (const [name, owner] of Object.entries(cases)) {
    const folder = t.testdir()
    locked(folder, owner)
    await t.rejects(lockWorkspace(folder), /has worked here since 2026/, name)
  }
})

t.test('a take-over that was killed itself is gone on with', async t => {
  const folder = t.testdir()
  const dead = [await deadPid(), await deadPid(), await deadPid()].map((pid, i) =>
    JSON.stringify({ pid, host: hostname(), since: `${since}-${i}` }),
  )
  const [stale = '', first = '', second = ''] = dead
  const claims = [stale, first].map(text => {
    const hash = createHash('sha256').update(text).digest('hex').slice(0, 16)
    return join(folder, `lock.takeover-${hash}`)
  })
  const [one = '', two = ''] = claims
  locked(folder, stale)
  writeFileSync(one, first)
  writeFileSync(two, second)
  const tries = await Promise.allSettled(Array.from({ length: 8 }, () => lockWorkspace(folder)))
  t.equal(tries.filter(({ status }) => status === 'fulfilled').length, 1)
  t.strictSame(readdirSync(folder), ['lock'], 'and nothing of it is left')

  t.test('while one that goes on is waited for', async t => {
    const folder = t.testdir()
    locked(folder, stale)
    const name = one.slice(one.lastIndexOf('/'))
    const alive = { ...identityOf(process.pid), host: hostname(), since }
    writeFileSync(join(folder, name), JSON.stringify(alive))
    await t.rejects(lockWorkspace(folder), /could not be taken; try again/)
    t.equal(readFileSync(join(folder, 'lock'), 'utf8'), stale)
  })
})

t.test('the stage is noted and taken off again', async t => {
  const folder = t.testdir()
  const lock = await lockWorkspace(folder)
  const read = () => JSON.parse(readFileSync(join(folder, 'lock'), 'utf8'))
  await lock.noteStage(process.pid)
  t.match(read(), { pid: process.pid, stage: { pid: process.pid } })
  await lock.noteStage(undefined)
  t.notHas(read(), 'stage')
})

t.test('of many at once one gets the lock', async t => {
  const folder = t.testdir()
  locked(folder, { pid: await deadPid(), host: hostname(), since })
  const tries = await Promise.allSettled(Array.from({ length: 8 }, () => lockWorkspace(folder)))
  t.equal(tries.filter(({ status }) => status === 'fulfilled').length, 1)
})

t.test('of two processes that come at once one gets the lock', async t => {
  const root = t.testdir()
  const children = [0, 1].map(() => {
    const child = spawn(process.execPath, [RACER], { stdio: ['pipe', 'pipe', 'inherit'] })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    t.teardown(() => child.kill())
    return { child, next: async () => (await lines.next()).value as string }
  })
  await Promise.all(children.map(({ next }) => next()))
  for (const stale of [false, true])
    for (let race = 0; race < 80; race++) {
      const folder = mkdtempSync(join(root, 'race-'))
      if (stale) locked(folder, STALE)
      if (stale && race % 2) writeFileSync(join(folder, CLAIM), DEAD_CLAIM)
      const at = Date.now() + 10
      for (const { child } of children) child.stdin.write(`${at} ${folder}\n`)
      const answers = await Promise.all(children.map(({ next }) => next()))
      t.strictSame(answers.sort(), ['got', 'refused'], `race ${race}, stale: ${stale}`)
    }
})

t.test('a release leaves the lock of another alone', async t => {
  const folder = t.testdir()
  const lock = await lockWorkspace(folder)
  locked(folder, { pid: process.ppid, host: hostname(), since })
  await lock.release()
  t.strictSame(readdirSync(folder), ['lock'])
})
