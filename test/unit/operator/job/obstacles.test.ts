import type { Reason } from '@attune/crds/conditions.ts'
import t from 'tap'
import type { Pod } from '../../../../operator/src/job/kinds.ts'
import { createStory, type Story } from '../../../fixtures/operator/story.ts'
import { aPod, at, ended, failedBecause } from '../../../fixtures/operator/tuning-job.ts'

type Status = NonNullable<Pod['status']>

const PLACED = { type: 'PodScheduled', status: 'True', lastTransitionTime: at(0) }
const waitingFor = (reason: string, message?: string): Status => ({
  phase: 'Pending',
  startTime: at(0),
  conditions: [PLACED],
  containerStatuses: [
    { name: 'trainer', state: { waiting: { reason, ...(message ? { message } : {}) } } },
  ],
})
const unplaced = (message: string): Status => ({
  phase: 'Pending',
  conditions: [{ ...PLACED, status: 'False', message }],
})

const waits = (story: Story, status: Status) => story.pods({ ...aPod(1, 'prepare'), status }).look()
const warned = (story: Story, reason: string, message: string) =>
  story.happens(() => ({ warnings: { 'uid-of-home-1-prepare-abcde': { reason, message } } })).look()

type Case = {
  readonly status: Status
  readonly after?: number
  readonly warning?: readonly [reason: string, message: string]
  readonly reason: Reason
  readonly says: RegExp
}
const NOT_MOUNTED = 'MountVolume.SetUp failed for volume "data": no such file or directory'

const CASES: Readonly<Record<string, Case>> = {
  'an image that cannot be pulled': {
    status: waitingFor('ErrImagePull', 'not found'),
    reason: 'ImagePullBackOff',
    says: /pod home-1-prepare-abcde: ErrImagePull: not found/,
  },
  'an image that is pulled again later': {
    status: waitingFor('ImagePullBackOff', 'Back-off pulling image'),
    reason: 'ImagePullBackOff',
    says: /ImagePullBackOff: Back-off/,
  },
  'a Secret that is missing': {
    status: waitingFor('CreateContainerConfigError', 'secret "hf-token" not found'),
    reason: 'CreateContainerError',
    says: /CreateContainerConfigError: secret "hf-token" not found/,
  },
  'something that Kubernetes may say some day': {
    status: waitingFor('Hibernating'),
    reason: 'Waiting',
    says: /Hibernating/,
  },
  'a pod that no node takes': {
    status: unplaced('0/3 nodes are available: 3 Insufficient nvidia.com/gpu.'),
    after: 30,
    reason: 'Unschedulable',
    says: /Insufficient nvidia.com\/gpu/,
  },
  'a pod that no node has taken yet': {
    status: unplaced('pod has unbound immediate PersistentVolumeClaims'),
    after: 5,
    reason: 'Waiting',
    says: /unbound/,
  },
  'a volume that cannot be mounted': {
    status: waitingFor('ContainerCreating'),
    after: 30,
    warning: ['FailedMount', NOT_MOUNTED],
    reason: 'FailedMount',
    says: /FailedMount: MountVolume.SetUp failed/,
  },
  'a network that is not there': {
    status: waitingFor('ContainerCreating'),
    after: 30,
    warning: ['FailedCreatePodSandBox', 'no address left'],
    reason: 'Waiting',
    says: /FailedCreatePodSandBox: no address left/,
  },
  'a container that is not made, and nobody says why': {
    status: waitingFor('ContainerCreating'),
    after: 30,
    reason: 'Waiting',
    says: /kubectl describe pod home-1-prepare-abcde/,
  },
  'a container that is just being made': {
    status: waitingFor('ContainerCreating'),
    after: 5,
    warning: ['FailedMount', NOT_MOUNTED],
    reason: 'Preparing',
    says: /Sources are read/,
  },
}

for (const [name, { status, after = 0, warning, reason, says }] of Object.entries(CASES)) {
  t.test(`${name} is told as ${reason}`, async t => {
    const story = createStory().look().wait(after)
    waits(story, status)
    if (warning) warned(story, ...warning)
    t.match(story.condition('Reconciling'), { status: 'True', reason, message: says })
    t.equal(story.status.phase, 'Preparing')
    const told = story.events.filter(event => event.reason === reason)
    t.equal(told.length, ['Waiting', 'Preparing'].includes(reason) ? 0 : 1, 'Events')
  })
}

t.test('an obstacle that goes on is told by one Event', async t => {
  const story = createStory().look()
  waits(story, waitingFor('ErrImagePull', 'not found'))
  waits(story, waitingFor('ImagePullBackOff', 'Back-off pulling image'))
  waits(story, waitingFor('ErrImagePull', 'not found'))
  t.equal(story.reasons().filter(reason => reason === 'ImagePullBackOff').length, 1)
  await t.test('and forgotten when the pod runs', async t => {
    story.runs(1, 'prepare')
    t.match(story.condition('Reconciling'), { reason: 'Preparing' })
  })
})

t.test('an image that is being pulled once more is still the obstacle', async t => {
  const story = createStory().look()
  waits(story, waitingFor('ErrImagePull', 'not found'))
  waits(story, waitingFor('ContainerCreating'))
  t.match(story.condition('Reconciling'), { reason: 'ImagePullBackOff' })
  story.noPods().jobEnds(1, 'prepare', failedBecause('DeadlineExceeded')).look()
  t.match(story.run, { message: /it waited: pod home-1-prepare-abcde: ErrImagePull/ })
})

t.test('a pod that is new is looked at again before anything is said', async t => {
  const story = createStory().look()
  waits(story, waitingFor('ContainerCreating'))
  t.equal(story.requeueAfterMs, 30_000)
})

t.test('a stage that waited until its deadline says for what', async t => {
  const story = createStory().look()
  waits(story, waitingFor('ImagePullBackOff', 'Back-off pulling image'))
  const targets = { type: 'FailureTarget', status: 'True', reason: 'DeadlineExceeded' }
  story.noPods().jobEnds(1, 'prepare', targets).look()
  t.match(story.condition('Reconciling'), { reason: 'ImagePullBackOff' })
  story.jobEnds(1, 'prepare', failedBecause('DeadlineExceeded')).look()
  t.match(story.run, {
    reason: 'DeadlineExceeded',
    message: /retry\.deadlineSeconds; it waited: pod home-1-prepare-abcde: ImagePullBackOff/,
  })
})

t.test('and so it does where its pod goes before its Job says that it fails', async t => {
  const story = createStory().look()
  waits(story, waitingFor('ImagePullBackOff', 'Back-off pulling image'))
  const pod = aPod(1, 'prepare', ended(137, undefined, { reason: 'ContainerStatusUnknown' }))
  story.pods({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: at(30) } }).look()
  t.match(story.condition('Reconciling'), { reason: 'ImagePullBackOff' })
  story.noPods().jobEnds(1, 'prepare', failedBecause('DeadlineExceeded')).look()
  t.match(story.run, { message: /it waited: pod home-1-prepare-abcde: ImagePullBackOff/ })
})

t.test('a stage that ran until its deadline waited for nothing', async t => {
  const story = createStory().look().runs(1, 'prepare')
  const aged = () => ({
    stageJobs: story.observed.stageJobs.map(job => ({
      ...job,
      metadata: { ...job.metadata, creationTimestamp: at(0) },
    })),
  })
  const targets = { type: 'FailureTarget', status: 'True', reason: 'DeadlineExceeded' }
  story.jobEnds(1, 'prepare', targets).happens(aged).noPods().wait(60).look()
  t.match(story.condition('Reconciling'), { reason: 'Preparing' })
  story.jobEnds(1, 'prepare', failedBecause('DeadlineExceeded')).look()
  t.match(story.run, { message: /ran longer than retry\.deadlineSeconds/ })
})

t.test('a Job without a pod says why in the words of its Event', async t => {
  const story = createStory().look()
  const uid = story.observed.stageJobs[0]?.metadata.uid ?? ''
  story.happens(({ stageJobs }) => ({
    stageJobs: stageJobs.map(job => ({
      ...job,
      metadata: { ...job.metadata, creationTimestamp: at(0) },
    })),
    warnings: {
      [uid]: { reason: 'FailedCreate', message: 'pods "x" is forbidden: exceeded quota' },
    },
  }))
  story.wait(30).look()
  t.match(story.condition('Reconciling'), {
    reason: 'Waiting',
    message: /Job home-1-prepare has no pod: pods "x" is forbidden: exceeded quota/,
  })
})

t.test('a pod that is gone, and the next not there yet, is no Job without a pod', async t => {
  const story = createStory().look().runs(1, 'prepare')
  story.happens(({ stageJobs }) => ({
    stageJobs: stageJobs.map(job => ({
      ...job,
      metadata: { ...job.metadata, creationTimestamp: at(0) },
    })),
  }))
  story.noPods().wait(60).look()
  t.match(story.condition('Reconciling'), {
    reason: 'Retrying',
    message: /pod home-1-prepare-abcde is gone; another goes on with its work/,
  })
  const uid = story.observed.stageJobs[0]?.metadata.uid ?? ''
  const warnings = { [uid]: { reason: 'FailedCreate', message: 'exceeded quota' } }
  story.happens(() => ({ warnings })).look()
  t.match(story.condition('Reconciling'), { reason: 'Waiting', message: /exceeded quota/ })
})
