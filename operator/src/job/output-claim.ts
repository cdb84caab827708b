/** The volume claim of a `pvc://` output: all that the operator, which mounts no volume, can know of published artifacts. */
import type { RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import type { ResolvedSpec } from '@attune/crds/resolved-spec.ts'
import { type ObjectKey, objectKey } from '../kube/kube-object.ts'
import type { Claim, InstructionTuningJob, Pod } from './kinds.ts'
import { terminated } from './pod-state.ts'
import { claimOf } from './spec-rules.ts'

/** Undefined where nothing is published to a claim. */
export const outputClaimKey = ({ metadata, spec }: InstructionTuningJob): ObjectKey | undefined => {
  const name = spec && claimOf(spec.output.uri)
  return name ? objectKey({ ...metadata, name }) : undefined
}

const time = (text: string | undefined) => Date.parse(text ?? '') || 0

/**
 * The uid of the claim that a pod has published to. One that was made after the pod started is another of the
 * same name: a claim that a pod uses cannot go.
 */
export const publishedTo = (
  claim: Claim | undefined,
  pod: Pod | undefined,
): Pick<RunStatus, 'outputClaim'> => {
  const { uid, creationTimestamp, deletionTimestamp } = claim?.metadata ?? {}
  const started = pod && terminated(pod)?.startedAt
  if (uid === undefined || deletionTimestamp || time(creationTimestamp) > time(started)) return {}
  return { outputClaim: uid }
}

/** @returns why the artifacts of a run cannot be counted on any more; undefined where nothing speaks against them */
export const artifactsProblem = (
  { number, outputClaim }: RunStatus,
  { output }: Pick<ResolvedSpec, 'output'>,
  claim: Claim | undefined,
): string | undefined => {
  const name = claimOf(output.uri)
  if (!name) return undefined
  const it = `volume claim ${name}`
  if (!claim) return `${it} is not there`
  if (claim.metadata.deletionTimestamp) return `${it} is being deleted`
  if (outputClaim === undefined) return `it is not known which ${it} run ${number} published to`
  return claim.metadata.uid === outputClaim
    ? undefined
    : `${it} is not the one that run ${number} published to`
}
