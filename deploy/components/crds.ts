/** The CustomResourceDefinitions, from the files that `npm run generate` writes. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type * as k8s from '@pulumi/kubernetes'
import { parse } from 'yaml'

const CRDS = fileURLToPath(import.meta.resolve('@attune/crds/generate.ts')).replace(
  /generate\.ts$/,
  '',
)

type Arguments = NonNullable<
  ConstructorParameters<typeof k8s.apiextensions.v1.CustomResourceDefinition>[1]
>
type CustomResourceDefinition = Omit<Arguments, 'metadata'> & {
  readonly metadata: { readonly name: string; readonly annotations?: Record<string, string> }
}

const KEEP = { 'helm.sh/resource-policy': 'keep' }

/** @param keep marks them as Helm does, so that taking the chart away later leaves them too */
export const customResourceDefinitions = (keep: boolean): readonly CustomResourceDefinition[] =>
  readdirSync(CRDS)
    .filter(name => name.endsWith('.yaml'))
    .map(name => parse(readFileSync(`${CRDS}${name}`, 'utf8')) as CustomResourceDefinition)
    .map(({ metadata, ...definition }) => ({
      ...definition,
      metadata: keep
        ? { ...metadata, annotations: { ...metadata.annotations, ...KEEP } }
        : metadata,
    }))
