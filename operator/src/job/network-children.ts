/** The NetworkPolicies of a job: there before its first pod, and put right in place where somebody changes one or the operator is told otherwise. */
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import type { RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import type { Manifest } from '../kube/kube-client.ts'
import type { NetworkPolicy } from './kinds.ts'
import { JOB_LABEL, labelsOf } from './names.ts'
import { networkPolicies } from './objects/network-policy.ts'
import { removal } from './removal.ts'
import { isFinished } from './run.ts'
import type { Child, Observed, Removal, Situation } from './situation.ts'

export type NetworkChanges = {
  readonly apply: readonly Child[]
  readonly remove: readonly Removal[]
}

/** What is to be made, put right and removed so that those that are there are those that are wanted. */
export const networkChanges = (
  wanted: readonly Manifest[],
  present: readonly NetworkPolicy[],
): NetworkChanges => {
  const apply = wanted.flatMap((manifest): readonly Child[] => {
    const there = present.find(({ metadata }) => metadata.name === manifest.metadata.name)
    if (!there) return [{ kind: 'NetworkPolicy', manifest }]
    if (canonicalJson(there.spec ?? null) === canonicalJson(manifest['spec'] ?? null)) return []
    const replaces = there.metadata.resourceVersion ?? ''
    return [{ kind: 'NetworkPolicy', manifest, replaces }]
  })
  const isWanted = (there: NetworkPolicy) =>
    wanted.some(({ metadata }) => metadata.name === there.metadata.name)
  return {
    apply,
    remove: present.filter(there => !isWanted(there)).map(there => removal('NetworkPolicy', there)),
  }
}

/** Its end is told: what may follow is another run. */
const hasEnded = ({ job }: Observed): boolean => {
  const run = job.status?.runs?.at(-1)
  return run !== undefined && isFinished(run)
}

/** What a run that has ended leaves behind. */
export const unneededPolicies = (
  observed: Observed,
  runs: readonly RunStatus[],
): readonly Removal[] => {
  const run = runs.at(-1)
  return hasEnded(observed) && run !== undefined && isFinished(run)
    ? observed.networkPolicies.map(there => removal('NetworkPolicy', there))
    : []
}

type Network = Pick<Situation, 'observed' | 'config'> & Partial<Pick<Situation, 'run'>>

export const networkChildren = ({ observed, config, run }: Network): NetworkChanges => {
  const { job } = observed
  const isAnotherRun = run !== undefined && !isFinished(run) && hasEnded(observed)
  // those of the run before may be gone, and the cache has yet to see it
  const present = isAnotherRun ? [] : observed.networkPolicies
  const wanted = config.networkPolicyFrom
    ? networkPolicies({
        owner: job,
        labels: { [JOB_LABEL]: job.metadata.name },
        objectLabels: labelsOf(job),
        from: config.networkPolicyFrom,
        port: config.trainerPort,
      })
    : []
  return networkChanges(wanted, present)
}
