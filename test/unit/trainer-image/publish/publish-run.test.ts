import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { temporaryFor } from '../../../../trainer-image/src/atomic-file.ts'
import { temporaryPrefix } from '../../../../trainer-image/src/publish/abandoned-runs.ts'
import { digestFolder } from '../../../../trainer-image/src/publish/digests.ts'
import { publishRun, type RunToPublish } from '../../../../trainer-image/src/publish/publish-run.ts'

const PARTS = ['adapter/a', 'adapter/b', 'adapter/c', 'adapter/d'] as const

const aRun = (parent: string, name: string, more: Partial<RunToPublish> = {}): RunToPublish => {
  const job = { name, namespace: 'team-a', run: 1 }
  const key = more.key ?? name
  return {
    uri: 'pvc://out',
    parent,
    job,
    key,
    files: [...PARTS, 'provenance.json'],
    write: async folder => {
      await mkdir(join(folder, 'adapter'))
      for (const part of PARTS) await writeFile(join(folder, part), name.repeat(1 << 16))
      await writeFile(join(folder, 'provenance.json'), JSON.stringify({ key, job }))
    },
    ...more,
  }
}
const settled = (runs: readonly RunToPublish[], waitMs: number) =>
  Promise.all(
    runs.map((run, index) =>
      sleep(index * waitMs)
        .then(() => publishRun(run))
        .then(
          digests => ({ digests }),
          (error: Error & { reason?: string }) => ({ error }),
        ),
    ),
  )
const readJson = async (path: string) => JSON.parse(await readFile(path, 'utf8'))

t.test(
  'two jobs that publish to one place at once: one is there whole, the other fails',
  async t => {
    for (let round = 0; round < 20; round += 1) {
      const parent = t.testdir({})
      const ended = await settled([aRun(parent, 'a'), aRun(parent, 'b')], (round % 10) / 2)
      const digests = ended.flatMap(end => ('digests' in end ? [end.digests] : []))
      t.equal(digests.length, 1, 'one says that it has published')
      t.match(
        ended.find(end => 'error' in end),
        {
          error: { reason: 'PublishFailed', message: /run-1 is already there and belongs to job/ },
        },
      )
      t.strictSame(await digestFolder(join(parent, 'run-1')), digests[0])
      t.strictSame(await readJson(join(parent, 'run-1/digests.json')), digests[0])
      t.strictSame(await readdir(parent), ['run-1'])
    }
  },
)

t.test('two pods of one job: what is there is whole, and nobody says so in vain', async t => {
  for (let round = 0; round < 20; round += 1) {
    const parent = t.testdir({})
    const ended = await settled([aRun(parent, 'a'), aRun(parent, 'a')], (round % 10) / 2)
    const digests = ended.flatMap(end => ('digests' in end ? [end.digests] : []))
    t.ok(digests.length > 0, 'one of them publishes')
    for (const end of ended) if ('error' in end) t.match(end.error, { message: /another attempt/ })
    for (const said of digests) t.strictSame(await digestFolder(join(parent, 'run-1')), said)
    t.strictSame(await readdir(parent), ['run-1'])
  }
})

t.test('a run with a file too few is not put in place', async t => {
  const parent = t.testdir({})
  const whole = aRun(parent, 'a')
  await t.rejects(publishRun({ ...whole, files: [...whole.files, 'report.html'] }), {
    message: /output\.uri pvc:\/\/out: another attempt/,
  })
  t.strictSame(await readdir(parent), [])
})

t.test(
  'what was left half written goes: its own at once, that of others when it is old',
  async t => {
    const parent = t.testdir({})
    const [own, others] = [aRun(parent, 'a'), aRun(parent, 'b')]
    const leave = async (run: RunToPublish) => {
      const path = temporaryFor(join(parent, temporaryPrefix(run)))
      await mkdir(path)
      return path
    }
    await leave(own)
    const fresh = await leave(others)
    const old = await leave(others)
    await utimes(old, 0, 0)
    await mkdir(join(parent, '.run-1.notes'))
    await publishRun(own)
    t.strictSame(
      (await readdir(parent)).toSorted(),
      ['.run-1.notes', fresh.slice(parent.length + 1), 'run-1'].toSorted(),
    )
  },
)
