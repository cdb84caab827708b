/** Templates of the chart that follow from the definitions; the Pulumi component takes the same data. */
import { stringify } from 'yaml'
import { type GeneratedFile, HEADER } from './generated-files.ts'
import { CLUSTER_READS, CLUSTER_RULES, NAMESPACE_RULES } from './operator-rules.ts'
import { tenantRoles } from './tenant-roles.ts'
import {
  ADMISSION_API_VERSION,
  admissionBindingSpec,
  admissionPolicies,
} from './tuning-policy-admission.ts'

const yaml = (value: object): string => {
  const text = stringify(value, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false })
  if (text.includes('{{')) throw new TypeError('a value holds {{, which Helm would read')
  return text.trimEnd()
}

type Template = {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly labels?: object
  readonly body: object
}

const template = ({ apiVersion, kind, name, labels, body }: Template): string => `---
apiVersion: ${apiVersion}
kind: ${kind}
metadata:
  name: ${name}
  labels:
    {{- include "attune.labels" . | nindent 4 }}
${labels ? `${yaml(labels).replaceAll(/^/gm, '    ')}\n` : ''}${yaml(body)}
`

const admission = Object.entries(admissionPolicies())
  .map(([end, spec]) => {
    const name = `{{ .Release.Namespace }}-attune-${end}`
    const policy = { kind: 'ValidatingAdmissionPolicy', name, body: { spec } }
    const binding = {
      kind: 'ValidatingAdmissionPolicyBinding',
      name,
      // the name is put in as text: YAML would quote the braces
      body: { spec: admissionBindingSpec('POLICY_NAME') },
    }
    return [policy, binding]
      .map(object => template({ apiVersion: ADMISSION_API_VERSION, ...object }))
      .join('')
      .replace('POLICY_NAME', name)
  })
  .join('')

const roles = tenantRoles()
  .map(({ name, labels, rules }) =>
    template({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      name: `{{ .Release.Namespace }}-attune-${name}`,
      labels,
      body: { rules },
    }),
  )
  .join('')

const rulesTemplate = (name: string, rules: readonly object[]) =>
  `{{- define "attune.${name}" -}}\n${yaml([...rules])}\n{{- end }}\n`

export const chartFiles = (): readonly GeneratedFile[] => [
  {
    path: 'charts/attune/templates/tuning-policy-admission.yaml',
    text: `{{- if .Values.tuningPolicies.enforce }}\n${HEADER}${admission}{{- end }}\n`,
  },
  {
    path: 'charts/attune/templates/_operator-rules.tpl',
    text: `{{/* Written by \`npm run generate\` from the definitions in crds/. Do not edit. */}}\n${rulesTemplate('namespaceRules', NAMESPACE_RULES)}${rulesTemplate('clusterRules', CLUSTER_RULES)}${rulesTemplate('clusterReads', CLUSTER_READS)}`,
  },
  {
    path: 'charts/attune/templates/tenant-roles.yaml',
    text: `{{- if .Values.tenantRoles.create }}\n${HEADER}${roles}{{- end }}\n`,
  },
]
