import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ADVICE, CHAPTERS, PROGRESS } from '../../../crds/advice.ts'
import { REASONS } from '../../../crds/conditions.ts'
import {
  TROUBLESHOOTING_PAGE,
  troubleshootingPage,
} from '../../../docs/generate/troubleshooting-page.ts'
import { REASON_OF_CONTAINER, REASON_OF_WARNING } from '../../../operator/src/job/obstacle.ts'

const repository = join(import.meta.dirname, '../../..')
const page = troubleshootingPage()

t.test('the page that is committed is what the reasons give', async t => {
  const committed = readFileSync(join(repository, TROUBLESHOOTING_PAGE), 'utf8')
  t.equal(committed, page, `${TROUBLESHOOTING_PAGE}: npm run generate`)
})

t.test('every reason is progress or has a section with advice', async t => {
  const progress: readonly string[] = PROGRESS
  for (const [reason, sentence] of Object.entries(REASONS)) {
    if (progress.includes(reason)) continue
    t.match(page, `\n### ${reason}\n\n${sentence}\n`)
  }
})

t.test('no reason stands in two chapters', async t => {
  const all = CHAPTERS.flatMap(({ reasons }) => Object.keys(reasons))
  t.strictSame(all.toSorted(), Object.keys(ADVICE).toSorted())
})

t.test('advice is whole sentences', async t => {
  for (const [reason, { operator, you }] of Object.entries(ADVICE))
    for (const text of [operator, you]) t.match(text, /^[A-Z`].*[.`"]$/s, reason)
})

t.test('the words of kubelet and scheduler are found on the page', async t => {
  for (const word of [...Object.keys(REASON_OF_CONTAINER), ...Object.keys(REASON_OF_WARNING)])
    t.match(page, word)
})
