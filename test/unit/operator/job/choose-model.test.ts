import t from 'tap'
import type { BaseModelSpec } from '../../../../crds/base-model-spec.ts'
import type { BaseModel } from '../../../../operator/src/base-model/kinds.ts'
import { awaitsModel } from '../../../../operator/src/job/awaits-model.ts'
import type { TuningPolicy } from '../../../../operator/src/policy/kinds.ts'
import { aBaseModel } from '../../../fixtures/crds/a-base-model.ts'
import { brokenFluxRules } from '../../../fixtures/operator/flux-rules.ts'
import { createStory, type Story } from '../../../fixtures/operator/story.ts'

const REF = { model: { ref: { name: 'small' } } }
const SELECTOR = {
  model: { selector: { require: { maxParameters: '1B' }, weights: { parameters: 1 } } },
}

const stored = (name: string, change: Partial<BaseModelSpec> = {}): BaseModel => ({
  apiVersion: 'attune.dev/v1alpha1',
  kind: 'BaseModel',
  metadata: { name, uid: `uid-of-${name}` },
  spec: aBaseModel(name, change).spec,
})
const catalogue = (story: Story, ...baseModels: readonly BaseModel[]) =>
  story.happens(() => ({ baseModels })).look()
const modelOf = (story: Story, run: number) => {
  const manifest = story.manifest(`home-${run}`) as { data: Record<string, string> } | undefined
  return JSON.parse(manifest?.data['job.json'] ?? '{}').spec?.model
}
const prepareKey = (story: Story) => story.run?.stages[0]?.key
const small = stored('small')
const large = stored('large', { parameters: '700M' })
const huge = stored('huge', { parameters: '7B' })

t.test('a reference is resolved before anything is made', async t => {
  const story = catalogue(createStory(REF), small)
  t.match(story.run?.model, { baseModel: 'small', source: { uri: 'hf://models/small' } })
  t.strictSame(
    modelOf(story, 1),
    { source: { uri: 'hf://models/small' } },
    'the stages see a source',
  )
  t.strictSame(story.reasons(), ['Accepted', 'ModelChosen', 'StageStarted'])
  t.equal(story.status.selection?.baseModel, 'small')
})

t.test('status names the model that the run uses', async t => {
  const given = createStory({ model: { source: { uri: 'hf://owner/given' } } }).look()
  t.equal(given.status.model, 'hf://owner/given')
  const story = createStory(SELECTOR).look()
  t.equal(story.status.model, undefined, 'none is chosen yet')
  catalogue(story, small).runs(1, 'prepare')
  t.equal(story.status.model, 'hf://models/small')
  catalogue(story, stored('small', { source: { uri: 'hf://elsewhere/small' } }))
  t.equal(story.status.model, 'hf://models/small', 'whatever becomes of the catalogue')
  story.edit({ model: { source: { uri: 'hf://owner/given' } } }).look()
  t.equal(story.status.model, 'hf://owner/given')
})

t.test('it stands for the same inputs as its source', async t => {
  const given = { model: { source: { uri: 'hf://models/small' } } }
  const referred = catalogue(createStory(REF), small)
  t.equal(prepareKey(referred), prepareKey(createStory(given).look()))
  t.not(prepareKey(referred), prepareKey(catalogue(createStory(SELECTOR), large)))
})

t.test('a selector takes the best that fits', async t => {
  const story = catalogue(createStory(SELECTOR), small, huge, large)
  t.strictSame(modelOf(story, 1), { source: { uri: 'hf://models/large' } })
  t.match(story.status.selection, {
    baseModel: 'large',
    candidates: [{ name: 'large', score: 1 }, { name: 'small' }],
    rejected: [{ name: 'huge' }],
  })
  t.match(story.events.find(({ reason }) => reason === 'ModelChosen')?.message, /large.*score of 1/)
})

t.test('the choice is kept for the run, and is made again for the next', async t => {
  const story = catalogue(createStory(SELECTOR), small)
  story.runs(1, 'prepare')
  catalogue(story, stored('small', { source: { uri: 'hf://elsewhere/small' } }), large)
  story.succeeds(1, 'prepare')
  t.match(story.run, { number: 1, phase: 'Training', model: { baseModel: 'small' } })
  t.match(story.status.selection, { baseModel: 'small', source: { uri: 'hf://models/small' } })
  t.equal(story.status.runs?.length, 1, 'a change of the catalogue starts no run')
  story.edit({ retry: { limit: 5 } }).look()
  t.equal(story.status.runs?.length, 1, 'nor does an edit that shapes no result')
  story.edit({ training: { seed: 7 } })
  catalogue(story, large, small)
  story.noPods().look()
  t.match(story.run, { number: 2, model: { baseModel: 'large' } })
  t.strictSame(modelOf(story, 2), { source: { uri: 'hf://models/large' } })
})

t.test('no fit', async t => {
  const story = catalogue(createStory(SELECTOR), huge)
  await t.test('waits and says what each misses', async t => {
    t.equal(story.status.phase, 'Pending')
    t.strictSame(story.made, [])
    t.match(story.condition('Reconciling'), {
      reason: 'NoModelFits',
      message: /huge \(parameters 7B, needs at most 1B\)/,
    })
    t.match(story.status.selection, { rejected: [{ name: 'huge' }] })
    t.equal(story.status.selection?.baseModel, undefined)
    t.strictSame(brokenFluxRules(story.observed.job), [])
    t.ok(awaitsModel(story.observed.job))
  })
  await t.test('says it once', async t => {
    story.look()
    t.strictSame(story.reasons(), ['Accepted', 'NoModelFits'])
  })
  await t.test('goes on once one fits', async t => {
    catalogue(story, huge, small)
    t.match(story.run, { number: 1, phase: 'Preparing', model: { baseModel: 'small' } })
    t.notOk(awaitsModel(story.observed.job))
  })
})

t.test('a reference to nothing waits', async t => {
  const story = catalogue(createStory(REF))
  t.match(story.condition('Reconciling'), { reason: 'WaitingForModel', message: /small does not/ })
  catalogue(story, small)
  t.equal(story.status.phase, 'Preparing')
})

t.test('an entry that is being deleted is none', async t => {
  const metadata = { ...small.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' }
  const story = catalogue(createStory(REF), { ...small, metadata })
  t.match(story.condition('Reconciling'), { reason: 'WaitingForModel' })
})

t.test('an operator that reads no catalogue says so', async t => {
  const story = createStory(REF)
    .happens(({ baseModels: _, ...rest }) => rest)
    .happens(() => ({ baseModels: undefined }) as never)
    .look()
  t.match(story.condition('Reconciling'), {
    reason: 'CatalogueNotRead',
    message: /list and watch of basemodels\.attune\.dev.*--read-catalogue.*rbac\.clusterReads/,
  })
})

t.test('a job that waits for a model can be suspended', async t => {
  const story = catalogue(createStory({ ...REF, suspend: true }))
  t.equal(story.status.phase, 'Suspended')
  story.edit({ suspend: false })
  catalogue(story, small)
  t.equal(story.status.phase, 'Preparing')
})

t.test('a model whose source a policy refuses is not chosen', async t => {
  const policy: TuningPolicy = {
    apiVersion: 'attune.dev/v1alpha1',
    kind: 'TuningPolicy',
    metadata: { name: 'ours' },
    spec: { allowedModelSources: ['hf://models/small'] },
  }
  const story = createStory(SELECTOR).happens(() => ({ policies: [policy] }))
  catalogue(story, small, large)
  t.match(story.status.selection, {
    baseModel: 'small',
    rejected: [
      { name: 'large', reasons: ['source hf://models/large is not allowed by TuningPolicy ours'] },
    ],
  })
})

t.test('a source that no pod can read fails the run by its field', async t => {
  const story = catalogue(createStory(REF), stored('small', { source: { uri: 'pvc://' } }))
  t.match(story.run, {
    phase: 'Failed',
    reason: 'InvalidSpec',
    message: /spec\.model\.ref: spec\.source\.uri/,
  })
})

t.test('going back to a spec with a reference asks the catalogue again', async t => {
  const story = catalogue(createStory({ ...REF, training: { seed: 1 } }), small)
  for (const stage of ['prepare', 'train', 'evaluate', 'publish'] as const)
    story.succeeds(1, stage, { digest: `1-${stage}` })
  story.edit({ training: { seed: 2 } }).look()
  for (const stage of ['train', 'evaluate', 'publish'] as const)
    story.succeeds(2, stage, { digest: `2-${stage}` })
  t.match(story.run, { number: 2, phase: 'Succeeded' })
  story.edit({ training: { seed: 1 } })
  catalogue(story, stored('small', { source: { uri: 'hf://elsewhere/small' } }))
  t.match(story.run, {
    number: 3,
    phase: 'Preparing',
    model: { source: { uri: 'hf://elsewhere/small' } },
  })
})

const COMMIT = '0123456789abcdef0123456789abcdef01234567'
const NEWER = 'f'.repeat(40)
const AT_COMMIT = { source: { uri: `hf://models/small@${COMMIT}` } }

const lookedAt = (
  revision: string,
  { uri = 'hf://models/small', verified = 'True', observedGeneration = 1 } = {},
): BaseModel => ({
  ...stored('small', { source: { uri } }),
  metadata: { ...small.metadata, generation: 1 },
  status: {
    observedGeneration,
    revision,
    conditions: [
      {
        type: 'Verified',
        status: verified as 'True',
        reason: 'Verified',
        message: '',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      },
    ],
  },
})

t.test('a run is pinned to the commit that the operator has found', async t => {
  const story = catalogue(createStory(REF), lookedAt(COMMIT))
  t.strictSame(modelOf(story, 1), AT_COMMIT, 'which the stages see')
  t.match(story.run?.model, { baseModel: 'small', ...AT_COMMIT })
  t.match(story.status.selection, AT_COMMIT)
  t.equal(story.status.model, AT_COMMIT.source.uri)
  t.match(story.events.find(({ reason }) => reason === 'ModelChosen')?.message, COMMIT)
  catalogue(story, lookedAt(NEWER)).runs(1, 'prepare')
  t.strictSame(modelOf(story, 1), AT_COMMIT, 'however the repository goes on')

  const uri = 'hf://models/small'
  const asWritten: Readonly<Record<string, readonly [string, BaseModel]>> = {
    'one that was edited since': [uri, lookedAt(COMMIT, { observedGeneration: 0 })],
    'one that has to be mended': [uri, lookedAt(COMMIT, { verified: 'False' })],
    'one with a revision': [`${uri}@v1`, lookedAt(COMMIT, { uri: `${uri}@v1` })],
    'one file': [`${uri}/a.gguf`, lookedAt(COMMIT, { uri: `${uri}/a.gguf`, verified: 'Unknown' })],
    'no commit': [uri, lookedAt('main/../..')],
  }
  for (const [name, [source, entry]] of Object.entries(asWritten))
    t.equal(catalogue(createStory(REF), entry).status.model, source, name)
  const gated = lookedAt(COMMIT, { verified: 'Unknown' })
  t.equal(catalogue(createStory(REF), gated).status.model, AT_COMMIT.source.uri, 'a gated one')
  const selected = catalogue(createStory(SELECTOR), lookedAt(COMMIT))
  t.match(selected.run?.model, { baseModel: 'small', ...AT_COMMIT }, 'by a selector too')
})

const allowing = (entry: string): TuningPolicy => ({
  apiVersion: 'attune.dev/v1alpha1',
  kind: 'TuningPolicy',
  metadata: { name: 'ours' },
  spec: { allowedModelSources: [entry] },
})

t.test('a policy that allows the source allows its commit', async t => {
  for (const entry of ['hf://models/small', 'hf://models/', 'hf://models']) {
    const story = createStory(REF).happens(() => ({ policies: [allowing(entry)] }))
    catalogue(story, lookedAt(COMMIT)).runs(1, 'prepare')
    t.match(story.run, { phase: 'Preparing', model: AT_COMMIT }, entry)
  }
})

t.test('a new run prepares again where the commit is another, and only there', async t => {
  const states = (story: Story) => story.run?.stages.map(({ state }) => state)
  const next = (entry: BaseModel) => {
    const story = catalogue(createStory(REF), lookedAt(COMMIT))
    for (const stage of ['prepare', 'train', 'evaluate', 'publish'] as const)
      story.succeeds(1, stage, { digest: `1-${stage}` })
    const before = prepareKey(story)
    story.edit({ training: { seed: 2 } })
    catalogue(story, entry)
    t.equal(story.run?.number, 2)
    return { story, isSame: prepareKey(story) === before }
  }
  const same = next(lookedAt(COMMIT))
  t.ok(same.isSame)
  t.equal(states(same.story)?.[0], 'Skipped')
  const moved = next(lookedAt(NEWER))
  t.notOk(moved.isSame)
  t.match(moved.story.run, { phase: 'Preparing', model: { source: { uri: /@f{40}$/ } } })
  t.not(states(moved.story)?.[0], 'Skipped')
})

t.test('going back reuses what was trained on the same commit', async t => {
  const after = (entry: BaseModel) => {
    const story = catalogue(createStory({ ...REF, training: { seed: 1 } }), lookedAt(COMMIT))
    for (const stage of ['prepare', 'train', 'evaluate', 'publish'] as const)
      story.succeeds(1, stage, { digest: `1-${stage}` })
    story.edit({ training: { seed: 2 } })
    catalogue(story, lookedAt(COMMIT))
    for (const stage of ['train', 'evaluate', 'publish'] as const)
      story.succeeds(2, stage, { digest: `2-${stage}` })
    story.edit({ training: { seed: 1 } })
    return catalogue(story, entry).run
  }
  t.match(after(lookedAt(COMMIT)), { number: 3, phase: 'Succeeded' })
  t.match(after(lookedAt(NEWER)), { number: 3, phase: 'Preparing' })
})

t.test('what the operator found at a source', async t => {
  const found = (status: 'True' | 'False' | 'Unknown', observedGeneration = 1): BaseModel => ({
    ...large,
    metadata: { ...large.metadata, generation: 1 },
    status: {
      observedGeneration,
      conditions: [
        {
          type: 'Verified',
          status,
          reason: 'SourceNotFound',
          message: 'hf://models/large does not exist (HTTP 404)',
          lastTransitionTime: '2026-01-01T00:00:00Z',
        },
      ],
    },
  })
  const chosen = (entry: BaseModel, spec: object = SELECTOR) =>
    catalogue(createStory(spec), small, entry).status.selection

  t.match(chosen(found('False')), {
    baseModel: 'small',
    rejected: [{ name: 'large', reasons: ['hf://models/large does not exist (HTTP 404)'] }],
  })
  t.match(chosen(large), { baseModel: 'large' }, 'nobody has looked yet')
  t.match(chosen(found('Unknown')), { baseModel: 'large' }, 'nobody can tell')
  t.match(chosen(found('False', 0)), { baseModel: 'large' }, 'that was before an edit')
  const byName = chosen(found('False'), { model: { ref: { name: 'large' } } })
  t.match(byName, { baseModel: 'large' }, 'Prepare has the last word on what a job names')
})
