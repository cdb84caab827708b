import t from 'tap'
import { concernsExperiment, isProgress } from '../../../../operator/src/experiment/trial-change.ts'
import { STOPPED_ANNOTATION } from '../../../../operator/src/experiment/names.ts'
import type { InstructionTuningJob } from '../../../../operator/src/job/kinds.ts'
import { createWorkQueue } from '../../../../operator/src/kube/work-queue.ts'
import { manualClock } from '../../../fixtures/kube/manual-clock.ts'
import { aJob } from '../../../fixtures/operator/tuning-job.ts'

const CONDITION = {
  type: 'Ready',
  status: 'False' as const,
  reason: 'Training',
  message: 'step 1 of 10',
  lastTransitionTime: '2026-01-01T00:00:00Z',
}
const before = {
  ...aJob(),
  status: { phase: 'Training', observedGeneration: 1, conditions: [CONDITION] },
} as InstructionTuningJob

type Change = { readonly status?: object; readonly metadata?: object }
const after = ({ status, metadata }: Change): InstructionTuningJob =>
  ({
    ...before,
    metadata: { ...before.metadata, ...metadata },
    status: { ...before.status, ...status },
  }) as InstructionTuningJob

t.test('which change of a trial its experiment sees at once', async t => {
  const cases: Readonly<Record<string, readonly [Change, boolean]>> = {
    'a step of its training': [{ status: { runs: [] } }, false],
    'a step that a message tells': [
      { status: { conditions: [{ ...CONDITION, message: 'step 2 of 10' }] } },
      false,
    ],
    'a label': [{ metadata: { labels: { a: 'b' } } }, false],
    'its phase': [{ status: { phase: 'Evaluating' } }, true],
    'the reason of a condition': [
      { status: { conditions: [{ ...CONDITION, reason: 'Stalled' }] } },
      true,
    ],
    'that its spec was seen': [{ status: { observedGeneration: 2 } }, true],
    'its spec': [{ metadata: { generation: 7 } }, true],
    'that it is stopped': [{ metadata: { annotations: { [STOPPED_ANNOTATION]: 'no' } } }, true],
    'that it is being deleted': [{ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }, true],
    'another job of its name': [{ metadata: { uid: 'another' } }, true],
  }
  for (const [name, [change, isAtOnce]] of Object.entries(cases)) {
    t.equal(concernsExperiment({ before, after: after(change) }), isAtOnce, name)
    t.equal(isProgress({ before, after: after(change) }), !isAtOnce, name)
  }
  t.ok(concernsExperiment({ after: before }), 'one that is made')
  t.ok(concernsExperiment({ before }), 'one that is gone')
})

t.test('a hundred trials that tell of each step lead to one look in an interval', async t => {
  const clock = manualClock()
  const queue = createWorkQueue({ clock })
  const taken: number[] = []
  for (let second = 0; second < 20; second += 1) {
    for (let trial = 0; trial < 100; trial += 1) queue.addAfter('a/search', 5000)
    await clock.advance(1000)
    if (queue.depth === 0) continue
    const key = await queue.take()
    taken.push(second + 1)
    queue.done(key ?? '')
  }
  t.strictSame(taken, [5, 10, 15, 20])
})
