import { join } from 'node:path'
import t from 'tap'
import {
  finishedRun,
  nextRun,
  publishedRuns,
  type RunOutcome,
  type RunRecord,
  readRuns,
  withRun,
  writeRuns,
} from '../../../../cli/src/workspace/runs.ts'

const run = (number: number, specHash: string, outcome?: RunOutcome): RunRecord => ({
  ...{ number, specHash, startedAt: '2026-01-01T00:00:00Z' },
  ...(outcome ? { outcome } : {}),
})

t.test('the next run', async t => {
  const cases: Readonly<
    Record<string, readonly [ReturnType<typeof nextRun>, { number: number; goesOn: boolean }]>
  > = {
    'is the first in an empty workspace': [nextRun([], 'a'), { number: 1, goesOn: false }],
    'goes on with the same spec after a stop': [
      nextRun([run(1, 'a', 'Stopped')], 'a'),
      { number: 1, goesOn: true },
    ],
    'goes on with the same spec after a kill': [
      nextRun([run(3, 'a')], 'a'),
      { number: 3, goesOn: true },
    ],
    'goes on with the same spec after a failure': [
      nextRun([run(1, 'a', 'Failed')], 'a'),
      { number: 1, goesOn: true },
    ],
    'is a new one after a success': [
      nextRun([run(1, 'a', 'Succeeded')], 'a'),
      { number: 2, goesOn: false },
    ],
    'is a new one after a gate that did not hold': [
      nextRun([run(1, 'a', 'GatesNotPassed')], 'a'),
      { number: 2, goesOn: false },
    ],
    'is a new one with another spec': [
      nextRun([run(1, 'a', 'Stopped')], 'b'),
      { number: 2, goesOn: false },
    ],
    'looks at the last run only': [
      nextRun([run(1, 'a', 'Stopped'), run(2, 'b', 'Succeeded')], 'a'),
      { number: 3, goesOn: false },
    ],
    'leaves published numbers alone': [
      nextRun([run(1, 'b')], 'a', [7, 2]),
      { number: 8, goesOn: false },
    ],
    'is a new one if asked for': [
      nextRun([run(1, 'a', 'Stopped')], 'a', [], true),
      { number: 2, goesOn: false },
    ],
  }
  for (const [name, [found, wanted]] of Object.entries(cases)) t.strictSame(found, wanted, name)
})

t.test('a run is finished where the last one has published the same spec', async t => {
  const done = run(2, 'a', 'Succeeded')
  t.equal(finishedRun([run(1, 'b'), done], 'a'), done)
  t.equal(finishedRun([done], 'b'), undefined, 'another spec')
  t.equal(finishedRun([done, run(3, 'a', 'Stopped')], 'a'), undefined, 'a later run')
  t.equal(finishedRun([run(1, 'a', 'GatesNotPassed')], 'a'), undefined, 'nothing published')
  t.equal(finishedRun([], 'a'), undefined)
})

t.test('a run takes the place of the one with its number', async t => {
  const runs = withRun([run(1, 'a'), run(2, 'b')], run(2, 'b', 'Succeeded'))
  t.strictSame(
    runs.map(({ number, outcome }) => [number, outcome]),
    [
      [1, undefined],
      [2, 'Succeeded'],
    ],
  )
  const many = Array.from({ length: 1000 }, (_, i) => run(i + 1, 'a'))
  t.equal(withRun(many, run(1001, 'a')).length, 1000, 'the oldest is dropped')
})

t.test('runs are read as they were written', async t => {
  const folder = t.testdir()
  t.strictSame(await readRuns(folder), [])
  const runs = [run(1, 'a', 'Succeeded')]
  await writeRuns(folder, runs)
  t.strictSame(await readRuns(folder), runs)
})

t.test('a file that is no list of runs is not written over', async t => {
  for (const text of ['{', '[]', '{"runs":[{}]}', 'null'])
    await t.rejects(readRuns(t.testdir({ 'runs.json': text })), /runs\.json: not/, text)
})

t.test('published runs are the folders named run-<n>', async t => {
  const folder = t.testdir({ 'run-1': {}, 'run-12': {}, 'run-01': {}, 'run-x': {}, other: {} })
  t.strictSame([...(await publishedRuns(folder))].sort(), [1, 12])
  t.strictSame(await publishedRuns(join(folder, 'absent')), [])
})
