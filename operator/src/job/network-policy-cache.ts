/** What is cached of NetworkPolicies: those of tenants by their names only. */
import { GROUP } from '@attune/crds/api-group.ts'
import { withoutManagedFields } from '../kube/informer.ts'
import { controllerOf, slimMetadata } from '../kube/kube-object.ts'
import type { NetworkPolicy } from './kinds.ts'

/** By its controller and not by a label: whoever may edit one can take the label off, and open it unseen. */
const isOurs = (policy: NetworkPolicy): boolean =>
  controllerOf(policy)?.apiVersion.startsWith(`${GROUP}/`) === true

export const slimNetworkPolicy = (policy: NetworkPolicy): NetworkPolicy => {
  if (isOurs(policy)) return withoutManagedFields(policy)
  const { apiVersion, kind, metadata } = policy
  return { apiVersion, kind, metadata: slimMetadata(metadata) }
}
