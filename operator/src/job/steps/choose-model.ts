/** A run on a model of the catalogue takes its source once and keeps it, however the catalogue changes. */
import { isAllowedUri } from '@attune/crds/allowed-uri.ts'
import type { CatalogueEntry } from '@attune/crds/selection/catalogue.ts'
import {
  type Refuses,
  type ResolvedModel,
  resolveModel,
} from '@attune/crds/selection/resolve-model.ts'
import { POLICY_KIND } from '@attune/crds/tuning-policy.ts'
import { knownCommit, knownProblem } from '../../base-model/kinds.ts'
import { findCondition } from '../../kube/conditions.ts'
import { awaiting, modelChosen } from '../events.ts'
import { isFinished } from '../run.ts'
import type { Observed, RunStep, Situation, StepResult } from '../situation.ts'
import { takeReference } from './take-reference.ts'

const MESSAGE_MAX = 1024

const catalogueOf = ({ baseModels = [] }: Observed): readonly CatalogueEntry[] =>
  baseModels.flatMap(model => {
    const { metadata, spec } = model
    if (!spec || metadata.deletionTimestamp) return []
    const problem = knownProblem(model)
    const commit = knownCommit(model)
    return [
      {
        name: metadata.name,
        spec,
        ...(problem === undefined ? {} : { problem }),
        ...(commit === undefined ? {} : { commit }),
      },
    ]
  })

/** A source that may not be used is not chosen: the choice would be kept for nothing. */
const refusedBy =
  ({ policies }: Observed): Refuses =>
  ({ uri }) => {
    const policy = policies.find(({ spec }) => {
      const allowed = spec?.allowedModelSources
      return allowed && !isAllowedUri(uri, allowed)
    })
    return policy && `source ${uri} is not allowed by ${POLICY_KIND} ${policy.metadata.name}`
  }

type Unresolved = Extract<ResolvedModel, { kind: 'unresolved' }>
type Awaited = Pick<Unresolved, 'message' | 'selection'> & {
  readonly reason: Unresolved['reason'] | 'CatalogueNotRead'
}

const NO_CATALOGUE = {
  reason: 'CatalogueNotRead',
  message:
    'this operator may not read BaseModels: grant it list and watch of basemodels.attune.dev in the whole cluster and --read-catalogue (rbac.clusterReads of the chart), or give spec.model.source',
} as const

/** Told by an Event when it begins. */
const wait = ({ observed, runs }: Situation, unresolved: Awaited): StepResult => {
  const { reason, selection } = unresolved
  const message = unresolved.message.slice(0, MESSAGE_MAX)
  const before = findCondition(observed.job.status?.conditions, 'Reconciling')
  return {
    runs,
    note: { reason, message },
    ...(selection ? { selection } : {}),
    ...(before?.reason === reason ? {} : { events: [awaiting(reason, message)] }),
  }
}

export const chooseModel: RunStep = situation => {
  const { run, spec, observed } = situation
  if (isFinished(run) || run.model) return undefined
  if (!observed.baseModels && (spec.model.ref || spec.model.selector))
    return wait(situation, NO_CATALOGUE)
  const model = resolveModel(spec.model, catalogueOf(observed), refusedBy(observed))
  if (!model) return undefined
  if (model.kind === 'unresolved') return wait(situation, model)
  const { baseModel, source, selection } = model
  const taken = takeReference(situation, { model: { baseModel, source } })
  const score = selection.candidates?.[0]?.score
  return {
    ...taken,
    selection,
    events: [modelChosen(run.number, baseModel, source.uri, score), ...(taken.events ?? [])],
  }
}
