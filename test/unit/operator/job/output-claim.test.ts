import t from 'tap'
import {
  artifactsProblem,
  outputClaimKey,
  publishedTo,
} from '../../../../operator/src/job/output-claim.ts'
import { newRun } from '../../../../operator/src/job/run.ts'
import { aJob, aPod, at, ended, OUTPUT_CLAIM } from '../../../fixtures/operator/tuning-job.ts'

const claimWith = (change: object) => ({
  ...OUTPUT_CLAIM,
  metadata: { ...OUTPUT_CLAIM.metadata, ...change },
})
const GOING = { deletionTimestamp: at(100) }

t.test('the claim of an output is one of the namespace of the job', async t => {
  t.equal(outputClaimKey(aJob()), 'team-a/models')
  t.equal(outputClaimKey(aJob({ spec: { output: { uri: 'file:///tmp/out' } } })), undefined)
})

t.test('a run keeps the uid of the claim that its pod has written to', async t => {
  const pod = aPod(1, 'publish', ended(0))
  const cases = {
    'that was there when the pod started': [OUTPUT_CLAIM, 'output-uid'],
    'made in the second in which it started': [
      claimWith({ creationTimestamp: at(1) }),
      'output-uid',
    ],
    'made after it started: another of that name': [
      claimWith({ creationTimestamp: at(2) }),
      undefined,
    ],
    'that is being deleted': [claimWith(GOING), undefined],
    'that is not there': [undefined, undefined],
  } as const
  for (const [name, [claim, outputClaim]] of Object.entries(cases))
    t.strictSame(publishedTo(claim, pod), outputClaim ? { outputClaim } : {}, name)
  t.strictSame(publishedTo(OUTPUT_CLAIM, undefined), {}, 'no pod says when it wrote')
})

t.test('what a run has published counts while the claim that it went to is there', async t => {
  const run = { ...newRun(1, 'hash', at(0)), outputClaim: 'output-uid' }
  const { outputClaim: _, ...unknown } = run
  const pvc = { output: { uri: 'pvc://models/home' } }
  const file = { output: { uri: 'file:///tmp/home' } }
  const cases = {
    'the same claim': [run, pvc, OUTPUT_CLAIM, undefined],
    'no claim': [run, pvc, undefined, 'volume claim models is not there'],
    'a claim that goes': [run, pvc, claimWith(GOING), 'volume claim models is being deleted'],
    'another claim of that name': [
      run,
      pvc,
      claimWith({ uid: 'other' }),
      'volume claim models is not the one that run 1 published to',
    ],
    'a run that did not note its claim': [
      unknown,
      pvc,
      OUTPUT_CLAIM,
      'it is not known which volume claim models run 1 published to',
    ],
    'an output of which nothing can be known': [unknown, file, undefined, undefined],
  } as const
  for (const [name, [of, spec, claim, expected]] of Object.entries(cases))
    t.equal(artifactsProblem(of, spec, claim), expected, name)
})
