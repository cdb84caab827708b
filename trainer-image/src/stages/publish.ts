/** Stage Publish: adapter, metrics, report and provenance to `<output.uri>/run-<n>/`. */
import { createHash } from 'node:crypto'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import { EXIT, type GateResult, type StageResult } from '@attune/crds/stage.ts'
import { publishKey } from '@attune/crds/stage-keys.ts'
import { artifactOf } from '../publish/artifact.ts'
import { FORMAT_FOLDERS, type OpenFormats, openFormats } from '../publish/open-formats.ts'
import { openOutputFolder } from '../publish/output-folder.ts'
import { pickSamples } from '../publish/pick-samples.ts'
import { type Provenance, provenanceOf } from '../publish/provenance.ts'
import { cannotPublish } from '../publish/publish-error.ts'
import { PROVENANCE_FILE, publishRun } from '../publish/publish-run.ts'
import { publishedMetrics } from '../publish/published-metrics.ts'
import { readCurves } from '../publish/read-curves.ts'
import { renderReport } from '../publish/report/render-report.ts'
import { sourcesOf } from '../publish/sources.ts'
import { invalidSpec, StageError, StageStopped } from '../stage-error.ts'
import type { StageFunction } from './stage-context.ts'
import { finishedEvaluate } from './stage-folders.ts'

type Folders = { readonly train: string; readonly evaluate: string }
type Results = { readonly prepare: StageResult; readonly train: StageResult }

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`

const describe = ({ metric, rule, threshold, value }: GateResult) =>
  `${metric} ${rule} ${threshold} (measured ${value.toFixed(4)})`

/** The operator does not start this stage then; a person who starts it by hand gets the same answer. */
const checkGates = (gates: readonly GateResult[]) => {
  const failed = gates.filter(gate => !gate.passed)
  if (failed.length === 0) return
  throw new StageError(
    'GatesNotPassed',
    EXIT.config,
    `nothing is published, because these gates do not hold: ${failed.map(describe).join(', ')}`,
  )
}

/** What `writerOf` makes */
const filesOf = ({ writers }: OpenFormats): readonly string[] => [
  ...[...writers].flatMap(([format, { files }]) =>
    files.map(name => `${FORMAT_FOLDERS[format]}/${name}`),
  ),
  'metrics.json',
  'metrics.jsonl',
  PROVENANCE_FILE,
  'report.html',
]

type Content = {
  readonly evaluation: NonNullable<StageResult['evaluation']>
  readonly results: Results
  readonly from: Folders
  readonly provenance: Provenance
  readonly formats: OpenFormats
}

/** @returns what writes all files of the run but its digests */
const writerOf =
  ({ evaluation, results: { prepare, train }, from, provenance, formats }: Content) =>
  async (folder: string) => {
    for (const [format, writer] of formats.writers) {
      const path = join(folder, FORMAT_FOLDERS[format])
      await mkdir(path)
      await writer.write(path)
    }
    await copyFile(join(from.train, 'metrics.jsonl'), join(folder, 'metrics.jsonl'))
    const metrics = publishedMetrics(evaluation, train.training)
    await writeFile(join(folder, 'metrics.json'), json(metrics))
    await writeFile(join(folder, PROVENANCE_FILE), json(provenance))
    const report = renderReport({
      dataset: prepare.dataset,
      training: train.training,
      evaluation,
      curves: await readCurves(join(from.train, 'metrics.jsonl')),
      samples: await pickSamples(join(from.evaluate, 'samples.jsonl')),
      provenance,
    })
    await writeFile(join(folder, 'report.html'), report)
  }

export const publish: StageFunction = async context => {
  const { job, workspace, signal } = context
  const { uri } = job.spec.output
  const { prepare, train, evaluate } = await finishedEvaluate(workspace, job)
  const { evaluation } = evaluate.result
  if (!evaluation)
    throw invalidSpec(`${evaluate.folder} has no evaluation; remove it and run Evaluate again`)
  checkGates(evaluation.gates)
  if (signal.aborted) throw new StageStopped('stopped before anything was published')

  context.report({ activity: `publishing to ${uri}`, fraction: 0 })
  const key = publishKey(job.spec, evaluate.result.digest, job.run)
  const provenance = provenanceOf({
    job,
    key,
    results: [prepare.result, train.result, evaluate.result],
    ...(await sourcesOf(job.spec, prepare.folder)),
    publishedAt: new Date(),
  })
  const parent = await openOutputFolder(uri, context)
  const formats = await openFormats({
    spec: job.spec,
    prepare: prepare.folder,
    train: train.folder,
    about: { name: job.name },
    watch: {
      signal,
      onTensor: share => context.report({ activity: `publishing to ${uri}`, fraction: share }),
    },
  })
  const from = { train: train.folder, evaluate: evaluate.folder }
  const results = { prepare: prepare.result, train: train.result }
  const digests = await publishRun({
    uri,
    parent,
    job: provenance.job,
    key,
    files: filesOf(formats),
    write: writerOf({ evaluation, results, from, provenance, formats }),
  })
    .catch(error => {
      throw cannotPublish(uri, error)
    })
    .finally(() => formats.close())
  context.report({ activity: 'published', fraction: 1 })
  const digest = createHash('sha256').update(canonicalJson(digests)).digest('hex')
  const place = `${uri.replace(/\/+$/, '')}/run-${job.run}`
  const artifacts = [...formats.writers.keys()].map(format => artifactOf(format, place, digests))
  return { key, digest, artifacts }
}
