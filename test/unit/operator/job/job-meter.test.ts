import t from 'tap'
import type {
  InstructionTuningJobStatus,
  RunStatus,
} from '../../../../crds/instruction-tuning-job-status.ts'
import { createJobObserver, runEnds } from '../../../../operator/src/job/job-meter.ts'
import { newRun } from '../../../../operator/src/job/run.ts'
import {
  aJob,
  aPod,
  aStageJob,
  at,
  NOW,
  observedOf,
} from '../../../fixtures/operator/tuning-job.ts'

const run = (number: number, phase: RunStatus['phase'], reason?: string): RunStatus => ({
  ...newRun(number, 'hash', at(0)),
  phase,
  ...(reason ? { reason } : {}),
})
const status = (...runs: RunStatus[]) => ({ runs })

const metered = () => {
  const told: unknown[][] = []
  const observer = createJobObserver({
    left: (...args) => void told.push(['left', ...args]),
    ended: (...args) => void told.push(['ended', ...args.filter(arg => arg !== undefined)]),
    used: (...args) => void told.push(['used', ...args]),
  })
  return {
    told,
    observer,
    wrote: (before: RunStatus[], after: RunStatus[], seconds: number) => {
      const job = aJob(before.length > 0 ? { status: { runs: before } } : {})
      observer.wrote('team-a/home', observedOf(job), { runs: after }, NOW + seconds * 1000)
    },
  }
}

t.test('a run is told of once, as it ends', async t => {
  const training = run(1, 'Training')
  const failed = run(1, 'Failed', 'TrainingDiverged')
  const cases: Readonly<Record<string, [Parameters<typeof runEnds>, object[]]>> = {
    'a new job': [[undefined, status(run(1, 'Pending'))], []],
    'a run that goes on': [[status(training), status(training)], []],
    'a success': [[status(training), status(run(1, 'Succeeded'))], [{ outcome: 'Succeeded' }]],
    'a failure': [
      [status(training), status(failed)],
      [{ outcome: 'Failed', reason: 'TrainingDiverged' }],
    ],
    'an ended run that is written again': [[status(failed), status(failed)], []],
    'a run in the place of another': [
      [status(training), status(run(1, 'Superseded'), run(2, 'Pending'))],
      [{ outcome: 'Superseded' }],
    ],
    'the same where history keeps one': [
      [status(training), status(run(2, 'Pending'))],
      [{ outcome: 'Superseded' }],
    ],
    'an ended run that history drops': [[status(failed), status(run(2, 'Pending'))], []],
  }
  for (const [name, [args, ends]] of Object.entries(cases))
    t.strictSame(runEnds(...args), ends, name)
})

t.test('the time in a phase is told as the run leaves it', async t => {
  const { told, wrote } = metered()
  wrote([], [run(1, 'Pending')], 0)
  wrote([run(1, 'Pending')], [run(1, 'Preparing')], 2)
  wrote([run(1, 'Preparing')], [run(1, 'Preparing')], 5)
  wrote([run(1, 'Preparing')], [run(1, 'Failed', 'SourceNotFound')], 12)
  t.strictSame(told, [
    ['left', 'Pending', 2],
    ['left', 'Preparing', 10],
    ['ended', 'team-a', 'Failed', 'SourceNotFound'],
  ])
})

t.test('a phase that began before this process is left out', async t => {
  const { told, wrote, observer } = metered()
  wrote([run(1, 'Training')], [run(1, 'Training')], 0)
  wrote([run(1, 'Training')], [run(1, 'Evaluating')], 50)
  t.strictSame(told, [])
  wrote([run(1, 'Evaluating')], [run(1, 'Publishing')], 60)
  t.strictSame(told, [['left', 'Evaluating', 10]])
  observer.gone('team-a/home')
  wrote([run(1, 'Publishing')], [run(1, 'Succeeded')], 70)
  t.strictSame(told.slice(1), [['ended', 'team-a', 'Succeeded']])
})

const TRAINS = { runs: [run(1, 'Training')] }
const stageJobs = [aStageJob(1, 'train')]

t.test('accelerator time is told by resource, from zero on', async t => {
  const { told, observer } = metered()
  const pods = [aPod(1, 'train', { runningSince: at(0) }, { devices: 2 })]
  const looked = (before: InstructionTuningJobStatus, seconds: number) => {
    const job = aJob({ status: before })
    const observed = { ...observedOf(job), pods, stageJobs }
    observer.wrote('k', observed, TRAINS, NOW + seconds * 1000)
  }
  looked(TRAINS, 0)
  const [pod] = pods
  const accountedPods = [{ pod: pod?.metadata.uid ?? '', until: at(10) }]
  looked({ ...TRAINS, acceleratorSeconds: 20, accountedPods }, 15)
  t.strictSame(told, [
    ['used', 'team-a', 'nvidia.com/gpu', 0],
    ['used', 'team-a', 'nvidia.com/gpu', 10],
  ])
})

t.test('a resource that is only asked for is not told', async t => {
  const { told, observer } = metered()
  const job = aJob({
    spec: { suspend: true, resources: { accelerator: { resource: 'example.com/x' } } } as never,
    status: TRAINS,
  })
  const pods = [aPod(1, 'train', undefined, { devices: 1 })]
  observer.wrote('k', { ...observedOf(job), pods, stageJobs }, TRAINS, NOW)
  t.strictSame(told, [])
})
