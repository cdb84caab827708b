import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { countTap } from '../../run/counts.ts'

const cases = {
  'counts assertions and not the lines that sum up a subtest': {
    tap: `# Subtest: file
    # Subtest: inner
        ok 1 - a
        not ok 2 - b
        1..2
    not ok 1 - inner
    ok 2 - c
    1..2
not ok 1 - file
1..1
`,
    counts: { passed: 2, failed: 1, skipped: 0 },
  },
  'counts a subtest that fails with all its assertions passed': {
    tap: `# Subtest: file
    ok 1 - a
    1..1
not ok 1 - file # timeout
1..1
`,
    counts: { passed: 1, failed: 1, skipped: 0 },
  },
  'counts a subtest without assertions once': {
    tap: `# Subtest: file
    # Subtest: empty
        1..0
    ok 1 - empty
    1..1
ok 1 - file
1..1
`,
    counts: { passed: 1, failed: 0, skipped: 0 },
  },
  'keeps skipped tests apart': {
    tap: `ok 1 - a # SKIP no data
ok 2 - b
1..2
`,
    counts: { passed: 1, failed: 0, skipped: 1 },
  },
}

for (const [name, { tap, counts }] of Object.entries(cases)) {
  t.test(name, async t => {
    const file = join(t.testdir(), 'output.tap')
    writeFileSync(file, `TAP version 14\n${tap}`)
    t.strictSame(await countTap(file), counts)
  })
}

t.test('counts nothing where tap wrote nothing', async t => {
  t.strictSame(await countTap(join(t.testdir(), 'absent.tap')), {
    passed: 0,
    failed: 0,
    skipped: 0,
  })
})
