/** What people may do with our kinds, added to Kubernetes' own roles view, edit and admin. */
import type { KindDefinition } from './custom-resource-definition.ts'
import { KINDS } from './kinds.ts'

const READ = ['get', 'list', 'watch']
const WRITE = ['create', 'update', 'patch', 'delete', 'deletecollection']

export type Rule = {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
}
export type TenantRole = {
  /** end of the role's name */
  readonly name: string
  /** of the roles that take its rules in */
  readonly labels: Readonly<Record<string, string>>
  readonly rules: readonly Rule[]
}

const aggregateTo = (...roles: readonly string[]) =>
  Object.fromEntries(
    roles.map(role => [`rbac.authorization.k8s.io/aggregate-to-${role}`, 'true'] as const),
  )

const rule = (kinds: readonly KindDefinition[], verbs: readonly string[]): readonly Rule[] => {
  const groups = [...new Set(kinds.map(({ group }) => group))]
  return groups.map(group => ({
    apiGroups: [group],
    resources: kinds.filter(kind => kind.group === group).map(({ plural }) => plural),
    verbs,
  }))
}

/** Kinds of the cluster are read only: a tenant who could write policies would have none. */
export const tenantRoles = (kinds: readonly KindDefinition[] = KINDS): readonly TenantRole[] => [
  { name: 'view', labels: aggregateTo('view'), rules: rule(kinds, READ) },
  {
    name: 'edit',
    labels: aggregateTo('edit', 'admin'),
    rules: rule(
      kinds.filter(({ scope }) => scope === 'Namespaced'),
      WRITE,
    ),
  },
]
