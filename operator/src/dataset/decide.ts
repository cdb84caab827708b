/** What to do about a dataset: pure, and the same for the same caches and the same moment. */
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import type { DatasetPhase } from '@attune/crds/dataset-conditions.ts'
import type { InstructionDatasetStatus } from '@attune/crds/instruction-dataset-status.ts'
import { curateKey } from '@attune/crds/stage-keys.ts'
import type { JobConfig } from '../job/job-config.ts'
import { NAMED_OBSTACLES } from '../job/obstacle.ts'
import { quotaEvents } from '../job/queue/quota-event.ts'
import { removal } from '../job/removal.ts'
import type { Removal } from '../job/situation.ts'
import { findCondition, trimMessage } from '../kube/conditions.ts'
import { datasetConditions } from './dataset-conditions.ts'
import { CONTENT_LABEL } from './names.ts'
import { ownQuota } from './own-job.ts'
import type {
  Content,
  DatasetEvent,
  Decision,
  Note,
  Observed,
  Situation,
  Step,
  StepResult,
} from './situation.ts'
import { finishCurating } from './steps/finish-curating.ts'
import { holdForPolicy } from './steps/hold-for-policy.ts'
import { recoverVolume } from './steps/recover-volume.ts'
import { rejectInvalidSpec } from './steps/reject-invalid-spec.ts'
import { startCurating } from './steps/start-curating.ts'
import { stayReady } from './steps/stay-ready.ts'
import { tellLostNode } from './steps/tell-lost-node.ts'
import { waitInQueue } from './steps/wait-in-queue.ts'
import { watchCurating } from './steps/watch-curating.ts'

const NOTHING: Decision = Object.freeze({ apply: [], remove: [], events: [] })

/** The first that applies decides. */
const STEPS: readonly Step[] = [
  rejectInvalidSpec,
  stayReady,
  recoverVolume,
  holdForPolicy,
  tellLostNode(startCurating),
  finishCurating,
  tellLostNode(waitInQueue),
  tellLostNode(watchCurating),
]

const firstResult = (situation: Situation): StepResult | undefined => {
  for (const step of STEPS) {
    const result = step(situation)
    if (result) return result
  }
  return undefined
}

/** What belongs to a content that the spec asks for no more; the content itself stays while runs use it. */
const strays = ({ observed, key }: Situation): readonly Removal[] => {
  const isStray = ({ metadata }: { metadata: { labels?: Readonly<Record<string, string>> } }) =>
    metadata.labels?.[CONTENT_LABEL] !== key
  return [
    ...observed.curateJobs
      .filter(job => isStray(job) && !job.metadata.deletionTimestamp)
      .map(job => removal('Job', job)),
    ...observed.configMaps.filter(isStray).map(map => removal('ConfigMap', map)),
  ]
}

const contentOf = ({
  phase: _phase,
  observedGeneration: _generation,
  conditions: _conditions,
  ...content
}: InstructionDatasetStatus): Content => content

/** Phases in which the queue has a say. */
const HELD_OR_RUNNING: readonly DatasetPhase[] = ['Queued', 'Preparing']

const statusOf = (
  situation: Situation,
  { phase, note, content }: StepResult,
): InstructionDatasetStatus => {
  const { observed, now } = situation
  const { metadata, status = {} } = observed.dataset
  const generation = metadata.generation ?? 0
  const quota = HELD_OR_RUNNING.includes(phase) ? ownQuota(situation) : undefined
  return {
    phase,
    observedGeneration: generation,
    conditions: datasetConditions(phase, note, status.conditions, {
      generation,
      now,
      quota,
    }),
    ...(content ?? contentOf(status)),
  }
}

/** Failures, retries and obstacles are told once, when they begin. */
const trouble = ({ dataset }: Observed, { phase, note }: StepResult): readonly DatasetEvent[] => {
  const isTrouble =
    phase === 'Failed' || note.reason === 'Retrying' || NAMED_OBSTACLES.includes(note.reason)
  const before = findCondition(dataset.status?.conditions, 'Ready')
  const generation = dataset.metadata.generation ?? 0
  const isNews =
    before?.reason !== note.reason ||
    before.message !== note.message ||
    before.observedGeneration !== generation
  return isTrouble && isNews ? [{ type: 'Warning', ...note }] : []
}

export const decide = (observed: Observed, now: number, config: JobConfig): Decision => {
  const { metadata, spec, status } = observed.dataset
  if (!spec || metadata.deletionTimestamp) return NOTHING
  const situation: Situation = { observed, spec, key: curateKey(spec), now, config }
  const result = firstResult(situation)
  if (!result) return NOTHING
  const note: Note = { ...result.note, message: trimMessage(result.note.message) }
  const said = { ...result, note }
  const next = statusOf(situation, said)
  return {
    apply: result.apply ?? [],
    remove: [...(result.remove ?? []), ...strays(situation)],
    ...(canonicalJson(next) === canonicalJson(status ?? null) ? {} : { status: next }),
    events: [
      ...(result.events ?? []),
      ...trouble(observed, said),
      ...quotaEvents(status?.conditions, next.conditions),
    ],
    ...(result.requeueAfterMs === undefined ? {} : { requeueAfterMs: result.requeueAfterMs }),
  }
}
