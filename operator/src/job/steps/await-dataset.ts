/** A run on an InstructionDataset waits until it is ready, and keeps the content that it then has. */
import type { Reason } from '@attune/crds/conditions.ts'
import { type InstructionDataset, isReady, isUpToDate } from '../../dataset/kinds.ts'
import { findCondition } from '../../kube/conditions.ts'
import { datasetUris } from '../../policy/violations.ts'
import { awaiting } from '../events.ts'
import { currentStage, isFinished } from '../run.ts'
import type { Observed, RunStep, Situation, StepResult } from '../situation.ts'
import { takeReference } from './take-reference.ts'

const MESSAGE_MAX = 1024

const why = (name: string, dataset: InstructionDataset | undefined): readonly [Reason, string] => {
  const it = `InstructionDataset ${name}`
  if (!dataset) return ['WaitingForDataset', `${it} is not there`]
  if (dataset.metadata.deletionTimestamp) return ['WaitingForDataset', `${it} is being deleted`]
  const said = findCondition(dataset.status?.conditions, 'Ready')
  if (!said || !isUpToDate(dataset)) return ['WaitingForDataset', `${it} is about to be read`]
  return dataset.status?.phase === 'Failed'
    ? ['DatasetFailed', `${it} failed: ${said.reason}: ${said.message}`]
    : ['WaitingForDataset', `${it} is not ready: ${said.message}`]
}

/** Another one has taken its name, and what the trials before were trained on went with the first. */
const isAnother = (dataset: InstructionDataset | undefined, pins: Observed['pins']): boolean =>
  pins?.content !== undefined &&
  dataset?.status?.contentHash !== undefined &&
  isReady(dataset) &&
  dataset.status.contentHash !== pins.content.contentHash

/** Told by an Event when it begins. */
const wait = (
  { observed, runs }: Situation,
  [reason, message]: readonly [Reason, string],
  stalled = reason === 'DatasetFailed',
): StepResult => {
  const before = findCondition(observed.job.status?.conditions, 'DatasetReady')
  const note = { reason, message: message.slice(0, MESSAGE_MAX) }
  const isNews = before?.reason !== reason || (stalled && before.message !== note.message)
  return {
    runs,
    note: { ...note, ...(stalled ? { stalled } : {}) },
    ...(isNews ? { events: [awaiting(note.reason, note.message)] } : {}),
  }
}

export const awaitDataset: RunStep = situation => {
  const { run, spec, observed } = situation
  const name = spec.dataset.ref?.name
  const stage = currentStage(run)
  if (name === undefined || isFinished(run) || stage?.name !== 'prepare') return undefined
  if (stage.state === 'Running') return undefined
  const { dataset } = observed
  const datasetUid = dataset?.metadata.uid
  const isThere = dataset !== undefined && !dataset.metadata.deletionTimestamp
  if (isThere && run.content?.datasetUid === datasetUid) return undefined
  if (isThere && isAnother(dataset, observed.pins)) {
    const message = `InstructionDataset ${name} is another one than the trials of this experiment were trained on so far; make a new experiment to compare on it`
    return wait(situation, ['WaitingForDataset', message], true)
  }
  const { contentHash, preparedUri } = dataset?.status ?? {}
  if (!isThere || !isReady(dataset) || !datasetUid || !contentHash || !preparedUri)
    return wait(situation, why(name, dataset))
  const sources = dataset.spec ? [...datasetUris(dataset.spec)] : []
  const content = { dataset: name, datasetUid, contentHash, uri: preparedUri, sources }
  return takeReference(situation, { content })
}
