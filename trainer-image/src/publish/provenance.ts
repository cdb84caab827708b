/** What a published adapter was made from, and by what: enough to make it again. */
import { createRequire } from 'node:module'
import { arch, cpus, platform } from 'node:os'
import type { StageSpec } from '@attune/crds/resolved-spec.ts'
import type { JobFile, Stage, StageResult } from '@attune/crds/stage.ts'
import { specHash } from '@attune/crds/stage-keys.ts'
import type { Pieces } from '../train/pieces.ts'
import { publicSpec } from './sources.ts'

export type SourceDigest = {
  readonly uri: string
  /** commit that the uri's revision named */
  readonly revision?: string
  /** sha256 */
  readonly digest?: string
}

export type Provenance = {
  readonly job: { readonly name: string; readonly namespace: string; readonly run: number }
  /** content address of this publication */
  readonly key: string
  readonly specHash: string
  readonly spec: StageSpec
  readonly stages: Readonly<
    Partial<
      Record<Stage, { readonly key: string; readonly digest: string; readonly seconds: number }>
    >
  >
  readonly baseModel: SourceDigest
  /** that training began with, where it began with one */
  readonly startAdapter?: SourceDigest
  readonly data: readonly SourceDigest[]
  readonly seeds: { readonly training: number }
  /** how training was cut and by how many threads; others round otherwise */
  readonly computed?: Pieces
  readonly versions: {
    readonly trainer: string
    readonly onnxruntime: string
    readonly node: string
  }
  readonly machine: { readonly platform: string; readonly arch: string; readonly cpu: string }
  readonly publishedAt: string
}

const require = createRequire(import.meta.url)
const versionOf = (path: string): string => {
  const { version } = require(path) as { readonly version?: unknown }
  return typeof version === 'string' ? version : 'unknown'
}

/** What computes here, beyond the spec: other programs or processors may round otherwise. */
export const surroundings = (): Pick<Provenance, 'versions' | 'machine'> => ({
  versions: {
    trainer: versionOf('../../package.json'),
    onnxruntime: versionOf('onnxruntime-node/package.json'),
    node: process.versions.node,
  },
  machine: { platform: platform(), arch: arch(), cpu: cpus()[0]?.model ?? 'unknown' },
})

export type ProvenanceOptions = {
  readonly job: JobFile
  readonly key: string
  readonly results: readonly (StageResult & { readonly digest: string })[]
  readonly baseModel: SourceDigest
  readonly startAdapter?: SourceDigest
  readonly data: readonly SourceDigest[]
  readonly computed?: Pieces | undefined
  readonly publishedAt: Date
}

export const provenanceOf = (options: ProvenanceOptions): Provenance => {
  const { job, key, results } = options
  return {
    job: { name: job.name, namespace: job.namespace, run: job.run },
    key,
    specHash: specHash(job.spec),
    spec: publicSpec(job.spec),
    stages: Object.fromEntries(
      results.map(({ stage, key: address, digest, seconds }) => [
        stage,
        { key: address, digest, seconds },
      ]),
    ),
    baseModel: options.baseModel,
    ...(options.startAdapter ? { startAdapter: options.startAdapter } : {}),
    data: options.data,
    seeds: { training: job.spec.training.seed },
    ...(options.computed ? { computed: options.computed } : {}),
    ...surroundings(),
    publishedAt: options.publishedAt.toISOString(),
  }
}
