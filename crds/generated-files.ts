/** What `npm run generate` writes, as path and text; pure, so that a test can compare it with what is committed. */
import { stringify } from 'yaml'
import { customResourceDefinition, type KindDefinition } from './custom-resource-definition.ts'
import { fieldReference } from './field-reference.ts'

/** Upper bound of an annotation: what `kubectl apply` without --server-side stores of an object. */
export const MAX_CRD_BYTES = 262_144

export const HEADER =
  '# Written by `npm run generate` from the definitions in crds/. Do not edit.\n'

export type GeneratedFile = { readonly path: string; readonly text: string }

const yaml = (kind: KindDefinition): string =>
  stringify(customResourceDefinition(kind), {
    // kubectl and Helm read YAML 1.1, where a bare `y` is true
    version: '1.1',
    lineWidth: 0,
    aliasDuplicateObjects: false,
  })

const chartTemplate = (body: string): string => {
  if (body.includes('{{')) throw new TypeError('a description holds {{, which Helm would read')
  const annotated = body.replace(
    /^metadata:\n/m,
    `metadata:
  {{- if .Values.crds.keep }}
  annotations:
    helm.sh/resource-policy: keep
  {{- end }}
`,
  )
  return `{{- if .Values.crds.enabled }}\n${HEADER}${annotated}{{- end }}\n`
}

export const generatedFiles = (kind: KindDefinition): readonly GeneratedFile[] => {
  const body = yaml(kind)
  if (Buffer.byteLength(body) >= MAX_CRD_BYTES)
    throw new RangeError(
      `${kind.plural}: ${Buffer.byteLength(body)} bytes; kubectl apply refuses it`,
    )
  return [
    { path: `crds/${kind.plural}.yaml`, text: `${HEADER}${body}` },
    { path: `charts/attune/templates/crd-${kind.plural}.yaml`, text: chartTemplate(body) },
    { path: `docs/${kind.page}`, text: fieldReference(kind) },
  ]
}
