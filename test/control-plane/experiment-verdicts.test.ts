import t from 'tap'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { checkHistory } from '../fixtures/gitops/check-history.ts'
import { verdictOf, verdicts } from '../fixtures/gitops/verdicts.ts'
import { anExperiment, createExperimentStory } from '../fixtures/operator/an-experiment.ts'
import { experimentCluster } from '../fixtures/operator/experiment-cluster.ts'

const WORKING = ['InProgress', 'Progressing'] as const
/** kstatus knows no suspension: what was asked for is not there yet. */
const HELD = ['InProgress', 'Suspended'] as const
const READY = ['Current', 'Healthy'] as const
const BROKEN = ['Failed', 'Degraded'] as const

const rates = (...values: readonly number[]) => ({
  parameters: [{ path: 'training.learningRate', values: [...values] }],
  parallelTrials: 2,
})
const story = (spec: Parameters<typeof createExperimentStory>[0] = rates(0.1, 0.2)) =>
  createExperimentStory(spec)
type Story = ReturnType<typeof story>

/** As the API server would serve it. */
const served = ({ status, generation }: Pick<Story, 'status' | 'generation'>, change = {}) => {
  const experiment = anExperiment({}, status)
  return { ...experiment, metadata: { ...experiment.metadata, generation, ...change } }
}
const ended = () => story().look().ends(1, 0.9).ends(2, 0.8)

const CASES: Readonly<
  Record<string, readonly [ReturnType<typeof served>, readonly [string, string]]>
> = {
  'that no operator has seen': [served(story()), WORKING],
  'whose trials run': [served(story().look()), WORKING],
  'that is being suspended': [served(story().look().edit({ suspend: true })), WORKING],
  'that is suspended': [
    served(
      story()
        .look()
        .edit({ suspend: true })
        .says(1, { phase: 'Suspended' })
        .says(2, { phase: 'Suspended' }),
    ),
    HELD,
  ],
  'whose best trial is being published': [served(ended()), WORKING],
  'that has succeeded': [served(ended().ends(1, 0.9)), READY],
  'that was edited since': [served(ended().ends(1, 0.9), { generation: 2 }), WORKING],
  'whose best trial cannot be published': [served(ended().ends(1, 0.9, 'Failed')), BROKEN],
  'whose trials have all failed': [
    served(story().look().ends(1, 0, 'Failed').ends(2, 0, 'Failed')),
    BROKEN,
  ],
  'that cannot work': [served(story(rates(7)).look()), BROKEN],
  'that is being deleted': [
    served(story().look(), { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    ['Terminating', 'Progressing'],
  ],
}

t.test('Flux and Argo CD see of an experiment what it is', async t => {
  const found = await verdicts(Object.values(CASES).map(([object]) => object))
  for (const [i, [name, [{ status }, expected]]] of Object.entries(CASES).entries()) {
    const { kstatus, health } = found[i] ?? {}
    const words = `an experiment ${name} (${status.phase ?? 'no phase'})`
    t.strictSame([kstatus?.status, health?.status], expected, words)
    t.ok(health?.message, words)
  }
})

t.test('the buttons of Argo CD', async t => {
  const running = served(story().look())
  const { offered, results } = await verdictOf(running)
  t.strictSame(offered, { suspend: { disabled: false }, resume: { disabled: true } })
  t.strictSame(
    results?.['suspend'],
    { ...running, spec: { ...running.spec, suspend: true } },
    'all else comes back as it was',
  )
  const suspended = { ...running, spec: { ...running.spec, suspend: true } }
  const held = await verdictOf(suspended)
  t.strictSame(held.offered, { suspend: { disabled: true }, resume: { disabled: false } })
  t.equal(held.results?.['resume']?.spec.suspend, false)
  const { offered: after } = await verdictOf(served(ended().ends(1, 0.9)))
  t.strictSame(after, { suspend: { disabled: true }, resume: { disabled: true } })
})

t.test('every version that an API server serves is what its phase says', async t => {
  const cluster = await experimentCluster(t)
  const history = await cluster.experimentHistory()
  await cluster.operator()
  await cluster.submit({ ...rates(0.1), strategy: { type: 'Grid' }, suspend: true })
  await cluster.until(({ status }) => status?.phase === 'Suspended', 'it is not suspended')
  await cluster.edit({ suspend: false })
  const message = 'line 7 is no JSON'
  await cluster.kubeletOf(1).fails(1, 'prepare', 65, { reason: 'DatasetMalformed', message })
  await eventually(() => {
    if (!history.some(({ status }) => status?.phase === 'Failed')) throw new Error('not failed')
  })
  const phases = await checkHistory(t, history)
  for (const phase of ['Suspended', 'Running', 'Failed']) t.ok(phases.has(phase), phase)
})
