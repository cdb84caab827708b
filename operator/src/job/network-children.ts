/** The NetworkPolicies of a job: there before its first pod, and made anew where the operator is told otherwise. */
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import type { Manifest } from '../kube/kube-client.ts'
import type { NetworkPolicy } from './kinds.ts'
import { JOB_LABEL, labelsOf } from './names.ts'
import { networkPolicies } from './objects/network-policy.ts'
import { removal } from './removal.ts'
import type { Child, Removal, Situation } from './situation.ts'

export type NetworkChanges = {
  readonly apply: readonly Child[]
  readonly remove: readonly Removal[]
}

/** What is to be made and removed so that those that are there are those that are wanted. */
export const networkChanges = (
  wanted: readonly Manifest[],
  present: readonly NetworkPolicy[],
): NetworkChanges => {
  const asWanted = (there: NetworkPolicy) =>
    wanted.some(
      ({ metadata, spec }) =>
        metadata.name === there.metadata.name &&
        canonicalJson(spec ?? null) === canonicalJson(there.spec ?? null),
    )
  const kept = present.filter(asWanted)
  return {
    apply: wanted
      .filter(({ metadata }) => !kept.some(there => there.metadata.name === metadata.name))
      .map(manifest => ({ kind: 'NetworkPolicy', manifest })),
    remove: present
      .filter(there => !kept.includes(there))
      .map(there => removal('NetworkPolicy', there)),
  }
}

export const networkChildren = ({
  observed,
  config,
}: Pick<Situation, 'observed' | 'config'>): NetworkChanges => {
  const { job, networkPolicies: present } = observed
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
