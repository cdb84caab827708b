/** The only place that writes to Kubernetes for an experiment: trials, then status once, then Events. */
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import { createOwned, refusal, writeStatus } from '../job/children.ts'
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
import type { Decision, Note, Observed, Patch } from './situation.ts'

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

/** As decided, and why the API server refuses what is to be made. */
const sayBlocked = async (
  actor: Actor,
  { experiment, holdMs }: Observed,
  decided: Decision['status'],
  error: Error,
) => {
  const why = refusal(error)
  if (!why) return
  const { metadata, status: before } = experiment
  const status = decided ?? before
  const generation = metadata.generation ?? 0
  const phase = status?.phase ?? 'Pending'
  const stalled = why.stalled ?? false
  const note: Note = { reason: 'Waiting', message: trimMessage(why.message), stalled }
  const now = actor.now()
  const conditions = experimentConditions(phase, note, before?.conditions, { generation, now })
  const next = { ...status, phase, observedGeneration: generation, conditions }
  // where it is held back, the retry that this leads to tells it
  if (heldMs(before, next, holdMs) > 0) return
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

export const act = async (
  actor: Actor,
  observed: Observed,
  { create, patch, status, events }: Decision,
): Promise<void> => {
  const { experiment } = observed
  try {
    for (const item of patch) await patchTrial(actor, item)
    for (const manifest of create)
      await createOwned(actor.client, experiment, InstructionTuningJobs, manifest)
  } catch (error) {
    if (error instanceof Error) await sayBlocked(actor, observed, status, error)
    const message = `${objectKey(experiment.metadata)}: its trials could not be made or changed`
    throw new Error(message, { cause: error })
  }
  if (status) await write(actor, experiment, status)
  for (const event of events) actor.events.record(experiment, event)
}
