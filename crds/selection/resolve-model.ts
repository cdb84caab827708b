/** `spec.model` and the catalogue → the one source that a run reads, or why there is none. */
import { atCommit } from '../hub-uri.ts'
import type { InstructionTuningJobSpec } from '../instruction-tuning-job-spec.ts'
import type { InstructionTuningJobStatus } from '../instruction-tuning-job-status.ts'
import type { ModelSource } from '../spec/model.ts'
import type { ModelSelector } from '../spec/selector.ts'
import type { CatalogueEntry } from './catalogue.ts'
import { rank } from './rank.ts'
import { misses } from './requirements.ts'

export type Selection = NonNullable<InstructionTuningJobStatus['selection']>

export type ResolvedModel =
  | {
      readonly kind: 'resolved'
      readonly baseModel: string
      readonly source: ModelSource
      readonly selection: Selection
    }
  | {
      readonly kind: 'unresolved'
      readonly reason: 'WaitingForModel' | 'NoModelFits'
      readonly message: string
      readonly selection?: Selection
    }

/** Why a source may not be used, in words; undefined where it may. */
export type Refuses = (source: ModelSource) => string | undefined

/** Entries of each list in status; the rest is counted. */
const LISTED = 10
/** Models that the message of a condition names. */
const NAMED = 5
const REASON_MAX = 256
const REASONS_MAX = 8

type Rejected = { readonly name: string; readonly reasons: readonly string[] }

/** The nearest to a fit first. */
const byMisses = (a: Rejected, b: Rejected) =>
  a.reasons.length - b.reasons.length || (a.name < b.name ? -1 : Number(a.name > b.name))

const counted = <T>(all: readonly T[], more: 'moreCandidates' | 'moreRejected') =>
  all.length > LISTED ? { [more]: all.length - LISTED } : {}

const listed = (rejected: readonly Rejected[]) => ({
  rejected: rejected.slice(0, LISTED).map(({ name, reasons }) => ({
    name,
    reasons: reasons.slice(0, REASONS_MAX).map(reason => reason.slice(0, REASON_MAX)),
  })),
  ...counted(rejected, 'moreRejected'),
})

const noFit = (rejected: readonly Rejected[]): string => {
  if (rejected.length === 0) return 'the catalogue holds no BaseModel'
  const nearest = rejected
    .slice(0, NAMED)
    .map(({ name, reasons }) => `${name} (${reasons.join('; ')})`)
  const more = rejected.length > NAMED ? `, and ${rejected.length - NAMED} more` : ''
  return `none of ${rejected.length} BaseModels fits; the nearest: ${nearest.join(', ')}${more}`
}

const select = (
  { require, weights }: ModelSelector,
  catalogue: readonly CatalogueEntry[],
  refuses: Refuses,
): ResolvedModel => {
  const judged = catalogue.map(entry => {
    const refusal = refuses(entry.spec.source)
    const reasons = [...misses(entry.spec, require), entry.problem, refusal]
    return { ...entry, reasons: [...new Set(reasons.filter(reason => reason !== undefined))] }
  })
  const rejected = judged.filter(({ reasons }) => reasons.length > 0).sort(byMisses)
  const ranked = rank(
    judged.filter(({ reasons }) => reasons.length === 0),
    weights,
  )
  const selection = {
    candidates: ranked.slice(0, LISTED).map(candidate => ({ ...candidate })),
    ...counted(ranked, 'moreCandidates'),
    ...listed(rejected),
  }
  const best = ranked[0] && catalogue.find(({ name }) => name === ranked[0]?.name)
  if (!best)
    return { kind: 'unresolved', reason: 'NoModelFits', message: noFit(rejected), selection }
  return resolved(best, selection)
}

/** A hub's repository changes under its name. */
const pinned = ({ spec: { source }, commit }: CatalogueEntry): ModelSource =>
  commit === undefined ? source : { ...source, uri: atCommit(source.uri, commit) }

const resolved = (entry: CatalogueEntry, selection: Selection = {}): ResolvedModel => {
  const { name } = entry
  const source = pinned(entry)
  return {
    kind: 'resolved',
    baseModel: name,
    source,
    selection: { baseModel: name, source, ...selection },
  }
}

const refer = (
  name: string,
  catalogue: readonly CatalogueEntry[],
  refuses: Refuses,
): ResolvedModel => {
  const entry = catalogue.find(known => known.name === name)
  const refusal = entry && refuses(entry.spec.source)
  if (entry && !refusal) return resolved(entry)
  const message = `BaseModel ${name} ${refusal ? `cannot be used: ${refusal}` : 'does not exist'}`
  return { kind: 'unresolved', reason: 'WaitingForModel', message }
}

/** @returns undefined where the spec names the source itself */
export const resolveModel = (
  { ref, selector }: InstructionTuningJobSpec['model'],
  catalogue: readonly CatalogueEntry[],
  refuses: Refuses = () => undefined,
): ResolvedModel | undefined => {
  if (ref) return refer(ref.name, catalogue, refuses)
  return selector ? select(selector, catalogue, refuses) : undefined
}
