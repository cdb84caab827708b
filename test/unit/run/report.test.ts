import { Readable } from 'node:stream'
import t from 'tap'
import { reportTap } from '../../run/report.ts'

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
not ok 1 - file # time=1500ms
1..1
`,
    counts: { passed: 2, failed: 1, skipped: 0 },
    printed: 'FAILED file (1.5 s)\n    file > inner > b\n',
  },
  'counts a subtest that fails with all its assertions passed': {
    tap: `# Subtest: file
    ok 1 - a
    1..1
not ok 1 - file
  ---
  signal: SIGTERM
  ...
1..1
`,
    counts: { passed: 1, failed: 1, skipped: 0 },
    printed: 'FAILED file\n    file\n      signal: SIGTERM\n',
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
    printed: 'ok file\n',
  },
  'keeps skipped tests apart': {
    tap: `ok 1 - a # SKIP no data
ok 2 - b
1..2
`,
    counts: { passed: 1, failed: 0, skipped: 1 },
    printed: 'ok a\nok b\n',
  },
}

for (const [name, { tap, counts, printed }] of Object.entries(cases)) {
  t.test(name, async t => {
    let text = ''
    const reported = await reportTap(Readable.from([`TAP version 14\n${tap}`]), part => {
      text += part
    })
    t.strictSame(reported, counts)
    t.equal(text, printed)
  })
}
