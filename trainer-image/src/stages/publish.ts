/** Stage Publish: adapter, metrics, report and provenance to `<output.uri>/run-<n>/`. */
import { createHash } from 'node:crypto'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import { type Artifact, EXIT, type GateResult, type StageResult } from '@attune/crds/stage.ts'
import { publishKey } from '@attune/crds/stage-keys.ts'
import { openOutputFolder } from '../publish/output-folder.ts'
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS } from '../publish/peft-adapter.ts'
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
const FILES = [
  `adapter/${ADAPTER_WEIGHTS}`,
  `adapter/${ADAPTER_CONFIG}`,
  'metrics.json',
  'metrics.jsonl',
  PROVENANCE_FILE,
  'report.html',
]

/** @returns what writes all files of the run but its digests */
const writerOf =
  (
    evaluation: NonNullable<StageResult['evaluation']>,
    { prepare, train }: Results,
    from: Folders,
    provenance: Provenance,
  ) =>
  async (folder: string) => {
    await mkdir(join(folder, 'adapter'))
    for (const name of [ADAPTER_WEIGHTS, ADAPTER_CONFIG])
      await copyFile(join(from.train, 'adapter', name), join(folder, 'adapter', name))
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
  const digests = await publishRun({
    uri,
    parent,
    job: provenance.job,
    key,
    files: FILES,
    write: writerOf(
      evaluation,
      { prepare: prepare.result, train: train.result },
      { train: train.folder, evaluate: evaluate.folder },
      provenance,
    ),
  }).catch(error => {
    throw cannotPublish(uri, error)
  })
  context.report({ activity: 'published', fraction: 1 })
  const weights = digests[`adapter/${ADAPTER_WEIGHTS}`]
  const artifact: Artifact = {
    uri: `${uri.replace(/\/+$/, '')}/run-${job.run}/adapter`,
    format: 'Adapter',
    digest: `sha256:${weights?.sha256 ?? ''}`,
    bytes: weights?.bytes ?? 0,
  }
  const digest = createHash('sha256').update(canonicalJson(digests)).digest('hex')
  return { key, digest, artifacts: [artifact] }
}
