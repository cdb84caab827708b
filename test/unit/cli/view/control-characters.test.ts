import { join } from 'node:path'
import t, { type Test } from 'tap'
import { compareRuns } from '../../../../cli/src/published/compare-runs.ts'
import { readPublishedRun } from '../../../../cli/src/published/read-run.ts'
import { comparisonText } from '../../../../cli/src/view/comparison-text.ts'
import { planText } from '../../../../cli/src/view/plan-text.ts'
import { usageText } from '../../../../cli/src/view/usage-text.ts'
import { aPublishedRun } from '../../../fixtures/cli/published-run.ts'

const NAME = 'a\u001b]0;pwned\u0007\u009b2J\tb\nsteps 1'

const check = (t: Test, text: string, lines: number) => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  t.notMatch(text, /[\0-\x09\x0b-\x1f\x7f-\x9f]/)
  t.match(text, 'pwned')
  t.equal(text.split('\n').length, lines, 'the name makes no line of its own')
}

t.test('the slices of a plan are named in one line', async t => {
  const dataset = {
    ...{ trainExamples: 3, validationExamples: 0, trainTokens: 9, responseTokens: 3, rows: 1 },
    ...{ duplicates: 0, truncated: 0, dropped: 0, slices: { [NAME]: 2, doors: 1 } },
  }
  check(t, planText({ dataset }), 5)
})

t.test('so are the namespaces of a usage', async t => {
  const used = { jobs: 1, runs: 1, acceleratorSeconds: { [NAME]: 1 } }
  check(t, usageText([{ namespace: NAME, ...used }]), 2)
})

t.test('and the folders, jobs and slices of a comparison', async t => {
  const spec = { note: NAME }
  const job = { name: NAME, namespace: 'team-a', run: 1 }
  const folder = t.testdir({
    'run-1': aPublishedRun(1, 0.5),
    [NAME]: aPublishedRun(2, 0.6),
    other: aPublishedRun(2, 0.6, { provenance: { spec, job } }),
  })
  const before = await readPublishedRun(join(folder, 'run-1'))
  for (const name of [NAME, 'other']) {
    const text = comparisonText(compareRuns(before, await readPublishedRun(join(folder, name))))
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    t.notMatch(text, /[\0-\x09\x0b-\x1f\x7f-\x9f]/)
    t.match(text, 'pwned')
    t.notMatch(text, /^steps 1/m)
  }
})
