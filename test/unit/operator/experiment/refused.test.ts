import t from 'tap'
import { act } from '../../../../operator/src/experiment/act.ts'
import { decide } from '../../../../operator/src/experiment/decide.ts'
import type { TuningExperiment } from '../../../../operator/src/experiment/kinds.ts'
import { isVerdict, whyWaiting } from '../../../../operator/src/experiment/refused-trial.ts'
import type { Manifest } from '../../../../operator/src/kube/kube-client.ts'
import { KubeError } from '../../../../operator/src/kube/kube-error.ts'
import { createStatusPace } from '../../../../operator/src/kube/status-pace.ts'
import {
  anExperiment,
  createExperimentStory,
  searchOf,
} from '../../../fixtures/operator/an-experiment.ts'
import { NOW, SPEC } from '../../../fixtures/operator/tuning-job.ts'

const forbidden = (message: string) =>
  new KubeError({ status: 403, reason: 'Forbidden', message: `x is forbidden: ${message}` })
const POLICY = "ValidatingAdmissionPolicy 'p' with binding 'b' denied request"
const QUOTA =
  'exceeded quota: tuning, requested: count/instructiontuningjobs.attune.dev=1, used: 2, limited: 2'

t.test('which refusals are the result of a trial', async t => {
  const cases: Readonly<Record<string, readonly [Error, boolean]>> = {
    'of an admission policy': [forbidden(`${POLICY}: sequenceLength is 512`), true],
    'of a webhook': [forbidden('admission webhook "w" denied the request: no'), true],
    'of the schema': [new KubeError({ status: 422, reason: 'Invalid', message: 'no' }), true],
    'of a policy whose parameters cannot be read': [
      forbidden(`${POLICY}: failed to configure binding: no params found`),
      false,
    ],
    'of a quota': [forbidden(QUOTA), false],
    'of a namespace that goes': [forbidden('because it is being terminated'), false],
    'for a missing right': [forbidden('User "u" cannot create resource'), false],
    'by a webhook that does not answer': [
      new KubeError({
        status: 500,
        reason: 'InternalError',
        message: 'failed calling webhook "w": context deadline exceeded',
      }),
      false,
    ],
    'by nobody': [new Error('socket hang up'), false],
  }
  for (const [name, [error, expected]] of Object.entries(cases))
    t.equal(isVerdict(error), expected, name)
})

t.test('a quota on jobs says how many there have to be', async t => {
  t.match(whyWaiting(forbidden(QUOTA), 12), {
    reason: 'Waiting',
    message: /room for 12 jobs at once: .*exceeded quota: tuning/,
  })
  t.notMatch(whyWaiting(forbidden('exceeded quota: pods=1'), 12)?.message, 'room for')
  t.equal(whyWaiting(new Error('socket hang up'), 12), undefined)
})

/** One look of an operator whose API server answers as told. */
const look = async (answers: Readonly<Record<string, Error>>) => {
  const made: string[] = []
  const told: string[] = []
  let status: TuningExperiment['status']
  const create = async (_: unknown, { metadata }: Manifest) => {
    const answer = answers[metadata.name]
    if (answer) throw answer
    made.push(metadata.name)
    return {}
  }
  const actor = {
    client: {
      create,
      applyStatus: async (_: unknown, manifest: { status: TuningExperiment['status'] }) => {
        status = manifest.status
        return {}
      },
    } as unknown as Parameters<typeof act>[0]['client'],
    events: {
      record: (_: unknown, { reason, message }: { reason: string; message: string }) =>
        void told.push(`${reason} ${message.split(' ')[0]}`),
    },
    now: () => NOW,
    pace: createStatusPace(0),
  }
  const values = [0.1, 0.2, 0.3]
  const parameters = [{ path: 'training.learningRate', values }]
  const experiment = anExperiment({ parameters, parallelTrials: 3 })
  const observed = { experiment, search: searchOf(experiment), jobs: [], holdMs: 0 }
  const error = await act(actor, observed, decide(observed, NOW)).then(
    () => undefined,
    (thrown: Error) => thrown,
  )
  return { made, told, status, error }
}

t.test('a trial that a policy refuses stops no other', async t => {
  const { made, told, status, error } = await look({
    'search-trial-1': forbidden(`${POLICY}: learningRate is 0.1`),
  })
  t.equal(error, undefined)
  t.strictSame(made, ['search-trial-2', 'search-trial-3'])
  t.match(status?.refused, [{ trial: 1, message: /denied request: learningRate is 0\.1/ }])
  t.strictSame(told, ['TrialStarted search-trial-2', 'TrialStarted search-trial-3', 'Accepted The'])
})

t.test('what passes is waited for, and what is known of others is kept', async t => {
  const { made, status, error } = await look({
    'search-trial-1': forbidden(`${POLICY}: no`),
    'search-trial-2': forbidden(QUOTA),
  })
  t.match(error?.message, 'could not be made')
  t.strictSame(made, [])
  t.match(status?.refused, [{ trial: 1 }])
  t.match(
    status?.conditions?.find(({ type }) => type === 'Reconciling'),
    { reason: 'Waiting', message: /room for 3 jobs at once/ },
  )
  const timedOut = await look({
    'search-trial-1': forbidden(`${POLICY}: no`),
    'search-trial-2': new Error('socket hang up'),
  })
  t.match(timedOut.status?.refused, [{ trial: 1 }])
  t.ok(timedOut.error)
})

const GRID = { parameters: [{ path: 'training.learningRate', values: [0.1, 0.2] }] }

t.test('a refused trial has failed', async t => {
  const story = createExperimentStory(GRID).refuse(1, 'denied request: no').look()
  t.strictSame(story.made(), [2])
  t.match(story.row(1), { phase: 'Failed', message: 'denied request: no', job: 'search-trial-1' })
  t.match(story.status, { progress: '1/2', counts: { failed: 1, waiting: 0, running: 1 } })
  story.ends(2, 0.5).ends(2, 0.5)
  t.match(story.status, { phase: 'Succeeded', best: { trial: 2 } })

  await t.test('and where all are, a change of the experiment tries again', async t => {
    const none = createExperimentStory(GRID).refuse(1, 'no').refuse(2, 'no').look()
    t.match(none.status, { phase: 'Failed', progress: '2/2' })
    t.equal(none.condition('Ready')?.reason, 'NoTrialSucceeded')
    none.allow(1).look()
    t.strictSame(none.made(), [])
    none.edit({ parallelTrials: 2 })
    t.strictSame(none.made(), [1])
    t.match(none.status, { phase: 'Running', refused: [{ trial: 2 }] })
  })

  await t.test('and takes no place of a rung', async t => {
    const halving = createExperimentStory({
      template: { ...SPEC, training: { maxSteps: 90 } },
      parameters: [{ path: 'training.learningRate', values: [0.1, 0.2, 0.3] }],
      strategy: { type: 'SuccessiveHalving', minSteps: 30 },
      maxTrials: 3,
      parallelTrials: 3,
    })
    halving.refuse(2, 'no').look().ends(1, 0.4).ends(3, 0.3)
    t.equal(halving.job(1)?.spec?.training.stopAfterSteps, undefined)
    t.equal(halving.row(3)?.phase, 'Stopped')
  })
})
