/** The NetworkPolicies of a job: there before its first pod, and made anew where the operator is told otherwise. */
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import { JOB_LABEL, labelsOf } from './names.ts'
import { networkPolicies } from './objects/network-policy.ts'
import { removal } from './removal.ts'
import type { Child, Removal, Situation } from './situation.ts'

type Network = { readonly apply: readonly Child[]; readonly remove: readonly Removal[] }

export const networkChildren = ({
  observed,
  config,
}: Pick<Situation, 'observed' | 'config'>): Network => {
  const { job } = observed
  const wanted = config.networkPolicyFrom
    ? networkPolicies({
        owner: job,
        labels: { [JOB_LABEL]: job.metadata.name },
        objectLabels: labelsOf(job),
        from: config.networkPolicyFrom,
        port: config.trainerPort,
      })
    : []
  const asWanted = (there: { metadata: { name: string }; spec?: object }) =>
    wanted.some(
      ({ metadata, spec }) =>
        metadata.name === there.metadata.name &&
        canonicalJson(spec ?? null) === canonicalJson(there.spec ?? null),
    )
  const kept = observed.networkPolicies.filter(asWanted)
  return {
    apply: wanted
      .filter(({ metadata }) => !kept.some(there => there.metadata.name === metadata.name))
      .map(manifest => ({ kind: 'NetworkPolicy', manifest })),
    remove: observed.networkPolicies
      .filter(there => !kept.includes(there))
      .map(there => removal('NetworkPolicy', there)),
  }
}
