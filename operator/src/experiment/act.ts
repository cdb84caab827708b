/** The only place that writes to Kubernetes for an experiment: trials, then status once, then Events. */
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import type { RefusedTrial, TuningExperimentStatus } from '@attune/crds/tuning-experiment-status.ts'
import { createOwned, writeStatus } from '../job/children.ts'
import { InstructionTuningJobs } from '../job/kinds.ts'
import { FIELD_MANAGER } from '../job/names.ts'
import { trimMessage } from '../kube/conditions.ts'
import type { EventRecorder } from '../kube/events.ts'
import type { KubeClient } from '../kube/kube-client.ts'
import { isConflict, isNotFound } from '../kube/kube-error.ts'
import { objectKey } from '../kube/kube-object.ts'
import { heldMs, type StatusPace } from '../kube/status-pace.ts'
import { experimentConditions } from './experiment-conditions.ts'
import { type TuningExperiment, TuningExperiments } from './kinds.ts'
import { isVerdict, whyWaiting } from './refused-trial.ts'
import type { Decision, Note, Observed, Patch } from './situation.ts'

const MESSAGE_MAX = 512

export type Actor = {
  readonly client: Pick<KubeClient, 'create' | 'find' | 'patch' | 'applyStatus'>
  readonly events: Pick<EventRecorder, 'record'>
  readonly now: () => number
  readonly pace: StatusPace
}

const write = async (
  { client, pace, now }: Actor,
  experiment: TuningExperiment,
  status: NonNullable<Decision['status']>,
) => {
  await writeStatus(client, TuningExperiments, experiment, status)
  pace.wrote(objectKey(experiment.metadata), now())
}

type Outcome = {
  readonly refused: readonly RefusedTrial[]
  /** what keeps the rest from being made for now */
  readonly error?: unknown
}

const createTrials = async (
  { client }: Actor,
  experiment: TuningExperiment,
  create: Decision['create'],
): Promise<Outcome> => {
  const refused: RefusedTrial[] = []
  for (const { trial, manifest } of create)
    try {
      await createOwned(client, experiment, InstructionTuningJobs, manifest)
    } catch (error) {
      if (!isVerdict(error)) return { refused, error }
      refused.push({ trial, message: trimMessage(error.message, MESSAGE_MAX) })
    }
  return { refused }
}

/** As decided, and which trials the API server refuses: no object of theirs could tell. */
const withRefused = (
  { experiment }: Observed,
  decided: Decision['status'],
  refused: readonly RefusedTrial[],
): Decision['status'] => {
  if (refused.length === 0) return decided
  const status = decided ?? experiment.status
  return { ...status, refused: [...(status?.refused ?? []), ...refused] }
}

const isNews = (status: TuningExperimentStatus, before: TuningExperiment['status']): boolean =>
  (status.refused?.length ?? 0) !== (before?.refused?.length ?? 0)

/** And why the API server keeps the rest from being made or changed. */
const sayBlocked = async (
  actor: Actor,
  { experiment, holdMs }: Observed,
  decided: Decision['status'],
  error: Error,
) => {
  const { metadata, status: before } = experiment
  const status = decided ?? before
  const why = whyWaiting(error, status?.counts?.total ?? 0)
  if (!why) {
    if (status && isNews(status, before)) await write(actor, experiment, status)
    return
  }
  const generation = metadata.generation ?? 0
  const phase = status?.phase ?? 'Pending'
  const stalled = why.stalled ?? false
  const note: Note = { reason: 'Waiting', message: trimMessage(why.message), stalled }
  const now = actor.now()
  const conditions = experimentConditions(phase, note, before?.conditions, { generation, now })
  const next = { ...status, phase, observedGeneration: generation, conditions }
  // where it is held back, the retry that this leads to tells it
  if (heldMs(before, next, holdMs) > 0 && !isNews(next, before)) return
  if (canonicalJson(next) !== canonicalJson(before ?? null)) await write(actor, experiment, next)
}

const patchTrial = async ({ client }: Actor, { ref, uid, body }: Patch) => {
  const metadata = { ...(body['metadata'] as object | undefined), uid }
  try {
    await client.patch(
      InstructionTuningJobs,
      ref,
      { ...body, metadata },
      { fieldManager: FIELD_MANAGER },
    )
  } catch (error) {
    // gone, or a new one of the same name: the next look sees it
    if (!isNotFound(error) && !isConflict(error)) throw error
  }
}

/** Changes and makes what it can; what is in the way is thrown once status tells of it. */
const actOnTrials = async (
  actor: Actor,
  { experiment }: Observed,
  { create, patch }: Decision,
): Promise<Outcome> => {
  try {
    for (const item of patch) await patchTrial(actor, item)
  } catch (error) {
    return { refused: [], error }
  }
  return createTrials(actor, experiment, create)
}

export const act = async (actor: Actor, observed: Observed, decision: Decision): Promise<void> => {
  const { experiment } = observed
  const { refused, error } = await actOnTrials(actor, observed, decision)
  const status = withRefused(observed, decision.status, refused)
  if (error !== undefined) {
    if (error instanceof Error) await sayBlocked(actor, observed, status, error)
    const message = `${objectKey(experiment.metadata)}: its trials could not be made or changed`
    throw new Error(message, { cause: error })
  }
  if (status) await write(actor, experiment, status)
  const unmade = new Set(refused.map(({ trial }) => trial))
  const untold = decision.create.filter(({ trial }) => unmade.has(trial))
  for (const event of decision.events)
    if (!untold.some(({ started }) => started === event)) actor.events.record(experiment, event)
}
