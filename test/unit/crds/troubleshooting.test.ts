import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ADVICE, CHAPTERS, OTHER_KINDS, PROGRESS } from '../../../crds/advice.ts'
import { EXPERIMENT_PROGRESS } from '../../../crds/advice/experiment.ts'
import { BASE_MODEL_REASONS } from '../../../crds/base-model-conditions.ts'
import { REASONS } from '../../../crds/conditions.ts'
import { DATASET_REASONS } from '../../../crds/dataset-conditions.ts'
import { EXPERIMENT_REASONS } from '../../../crds/experiment-conditions.ts'
import { POLICY_REASONS } from '../../../crds/tuning-policy-conditions.ts'
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

t.test('and so has every reason of the other kinds', async t => {
  const kinds = {
    TuningExperiment: [EXPERIMENT_REASONS, EXPERIMENT_PROGRESS],
    BaseModel: [BASE_MODEL_REASONS, ['Verified']],
    TuningPolicy: [POLICY_REASONS, ['InForce']],
  } as const
  for (const [kind, [reasons, progress]] of Object.entries(kinds))
    for (const [reason, sentence] of Object.entries(reasons)) {
      const words: readonly string[] = progress
      if (!words.includes(reason))
        t.ok(page.includes(`\n### ${reason} (${kind})\n\n${sentence}\n`), `${reason} of a ${kind}`)
    }
  for (const reason of Object.keys(DATASET_REASONS))
    t.ok(reason in ADVICE || ['Preparing', 'Prepared'].includes(reason), `${reason} of a dataset`)
})

t.test('what needs a change stands apart from what goes on by itself', async t => {
  const chapterOf = (reason: string) =>
    CHAPTERS.find(({ reasons }) => reason in reasons)?.title ?? ''
  for (const reason of ['FailedToStart', 'DatasetFailed', 'ExceedsMaxQuota', 'Deactivated'])
    t.equal(chapterOf(reason), 'The job stands still until somebody changes something', reason)
  t.notMatch(page, 'delete the job and apply', 'there is an annotation for that')
})

t.test('no reason stands in two chapters', async t => {
  const all = CHAPTERS.flatMap(({ reasons }) => Object.keys(reasons))
  t.strictSame(all.toSorted(), Object.keys(ADVICE).toSorted())
})

t.test('advice is whole sentences', async t => {
  const all = [ADVICE, ...OTHER_KINDS.map(({ reasons }) => reasons)]
  for (const [reason, { operator, you }] of all.flatMap(each => Object.entries(each)))
    for (const text of [operator, you]) t.match(text, /^[A-Z`].*[.`"]$/s, reason)
})

t.test('the words of kubelet and scheduler are found on the page', async t => {
  for (const word of [...Object.keys(REASON_OF_CONTAINER), ...Object.keys(REASON_OF_WARNING)])
    t.match(page, word)
})
