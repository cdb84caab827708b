/** What of a tenant's `podTemplate` reaches a pod. The schema refuses what is not for tenants; an object from before it did is held to the same here. */
import { isAllowedVariable, isReservedKey } from '@attune/crds/pod-template-fields.ts'
import type { ResolvedSpec } from '@attune/crds/resolved-spec.ts'

export type PodTemplate = ResolvedSpec['podTemplate']

type Variable = { readonly name: string }

const unreserved = (entries: Readonly<Record<string, string>> = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(entries).filter(([key]) => !isReservedKey(key)))

/** @param ours win: a tenant's label must not hide a pod from the operator */
export const podMetadata = (
  template: PodTemplate | undefined,
  ours: {
    readonly labels: Readonly<Record<string, string>>
    readonly annotations: Readonly<Record<string, string | undefined>>
  },
) => ({
  labels: { ...unreserved(template?.labels), ...ours.labels },
  annotations: { ...unreserved(template?.annotations), ...ours.annotations },
})

/** The operator's variables last; of two with one name a container gets the last. */
export const podEnvironment = <T extends Variable>(
  template: PodTemplate | undefined,
  ours: readonly T[],
) => [
  ...(template?.env ?? []).filter(
    ({ name }) => isAllowedVariable(name) && !ours.some(other => other.name === name),
  ),
  ...ours,
]

type Device = Pick<PodTemplate, 'nodeSelector' | 'tolerations'>

/** Where pods may run and as whom; nothing in it touches a security context. */
export const podPlacement = (template: PodTemplate | undefined, device?: Device) => {
  const tolerations = [...(template?.tolerations ?? []), ...(device?.tolerations ?? [])]
  const nodeSelector = { ...template?.nodeSelector, ...device?.nodeSelector }
  const { affinity, topologySpreadConstraints, imagePullSecrets } = template ?? {}
  const { runtimeClassName, priorityClassName, serviceAccountName } = template ?? {}
  return {
    ...(tolerations.length > 0 ? { tolerations } : {}),
    ...(Object.keys(nodeSelector).length > 0 ? { nodeSelector } : {}),
    ...(affinity ? { affinity } : {}),
    ...(topologySpreadConstraints ? { topologySpreadConstraints } : {}),
    ...(imagePullSecrets ? { imagePullSecrets } : {}),
    ...(runtimeClassName ? { runtimeClassName } : {}),
    ...(priorityClassName ? { priorityClassName } : {}),
    ...(serviceAccountName ? { serviceAccountName } : {}),
  }
}
