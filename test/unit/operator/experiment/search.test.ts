import { experimentProblems } from '@attune/crds/experiment/experiment-problems.ts'
import { assignmentsOf, findAssignments } from '@attune/crds/experiment/search-space.ts'
import t from 'tap'
import { createSearches } from '../../../../operator/src/experiment/search.ts'
import { specProblem } from '../../../../operator/src/experiment/spec-problem.ts'
import { anExperiment } from '../../../fixtures/operator/an-experiment.ts'

const RANDOM = {
  strategy: { type: 'Random' as const },
  maxTrials: 20,
  parameters: [{ path: 'training.learningRate', range: { min: 0.0001, max: 0.01 } }],
}

const counting = (options: { readonly maxKept?: number } = {}) => {
  const calls = { assignments: 0, problem: 0 }
  const searches = createSearches({
    ...options,
    find: {
      assignments: spec => {
        calls.assignments += 1
        return findAssignments(spec)
      },
      problem: spec => {
        calls.problem += 1
        return specProblem(spec)
      },
    },
  })
  return { calls, searches }
}

type Metadata = Partial<ReturnType<typeof anExperiment>['metadata']>
const withMetadata = (metadata: Metadata) => {
  const experiment = anExperiment(RANDOM)
  return { ...experiment, metadata: { ...experiment.metadata, ...metadata } }
}

t.test('what is kept is what the spec says', async t => {
  const experiment = anExperiment(RANDOM)
  const { assignments, problem } = await createSearches({ sliceMs: 0 })(experiment)
  t.strictSame(assignments, assignmentsOf(experiment.spec))
  t.equal(problem, undefined)
  const [wrong] = experimentProblems(
    anExperiment({ objective: { metric: 'no/such' } }).spec,
    'cluster',
  )
  const told = await createSearches()(anExperiment({ objective: { metric: 'no/such' } }))
  t.strictSame(told, { assignments: [], problem: `spec.objective.metric: ${wrong?.message}` })
})

t.test('a second look finds nothing anew', async t => {
  const { calls, searches } = counting()
  const first = await searches(anExperiment(RANDOM))
  const second = await searches(anExperiment(RANDOM))
  t.equal(second.assignments, first.assignments)
  t.strictSame(calls, { assignments: 1, problem: 1 })
})

t.test('another generation is looked at anew, and another experiment of the same name', async t => {
  const { calls, searches } = counting()
  for (const metadata of [{}, { generation: 2 }, { uid: 'another' }, { uid: 'another' }])
    await searches(withMetadata(metadata))
  t.strictSame(calls, { assignments: 3, problem: 3 })
})

t.test('a spec that status speaks of is not checked again', async t => {
  const { calls, searches } = counting()
  await searches(anExperiment(RANDOM, { observedGeneration: 1 }))
  t.strictSame(calls, { assignments: 1, problem: 0 })
})

t.test('so many are kept, and the one longest unused goes', async t => {
  const { calls, searches } = counting({ maxKept: 2 })
  for (const uid of ['a', 'b', 'a', 'c', 'a']) await searches(withMetadata({ uid }))
  t.equal(calls.assignments, 3)
  await searches(withMetadata({ uid: 'b' }))
  t.equal(calls.assignments, 4)
})
