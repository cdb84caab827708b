/** Stage Publish: adapter, metrics, report and provenance to `<output.uri>/run-<n>/`. */
import { createHash } from 'node:crypto'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import { parseHubUri } from '@attune/crds/hub-uri.ts'
import { EXIT, type GateResult, type JobFile, type StageResult } from '@attune/crds/stage.ts'
import { courseKey, publishKey } from '@attune/crds/stage-keys.ts'
import { artifactOf } from '../publish/artifact.ts'
import type { GgufAbout } from '../publish/gguf/gguf-model.ts'
import { FORMAT_FOLDERS, type OpenFormats, openFormats } from '../publish/open-formats.ts'
import { type BaseNotes, baseNotes } from '../publish/base-notes.ts'
import type { CardFacts } from '../publish/card/card-facts.ts'
import { CARD_FILE, modelCard } from '../publish/card/model-card.ts'
import { openOutputFolder } from '../publish/output-folder.ts'
import { pickSamples } from '../publish/pick-samples.ts'
import { type Provenance, provenanceOf } from '../publish/provenance.ts'
import { cannotPublish } from '../publish/publish-error.ts'
import { PROVENANCE_FILE, publishRun } from '../publish/publish-run.ts'
import { publishedMetrics } from '../publish/published-metrics.ts'
import { readCurves } from '../publish/read-curves.ts'
import { renderReport } from '../publish/report/render-report.ts'
import { sourcesOf } from '../publish/sources.ts'
import { eventFileName, writeEventFile } from '../publish/tensorboard/event-file.ts'
import { invalidSpec, StageError, StageStopped } from '../stage-error.ts'
import type { StageFunction } from './stage-context.ts'
import { PIECES_FILE, readPieces } from '../train/pieces.ts'
import { finishedEvaluate, stageFolder } from './stage-folders.ts'

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

/** Seconds since 1970 at which training began, had it been published at once. */
const startedAt = ({ publishedAt }: Provenance, { train }: Results): number =>
  Date.parse(publishedAt) / 1000 - (train.training?.seconds ?? 0)

/** What `writerOf` makes */
const filesOf = (
  { writers }: OpenFormats,
  provenance: Provenance,
  results: Results,
): readonly string[] => [
  ...[...writers].flatMap(([format, { files }]) =>
    [...files, CARD_FILE].map(name => `${FORMAT_FOLDERS[format]}/${name}`),
  ),
  eventFileName(startedAt(provenance, results)),
  'metrics.json',
  'metrics.jsonl',
  PROVENANCE_FILE,
  'report.html',
]

/** Each format's folder, with a card of its own. */
const writeFormats = async (
  folder: string,
  { writers }: OpenFormats,
  facts: Omit<CardFacts, 'format' | 'files'>,
) => {
  for (const [format, { files, storedAs, write }] of writers) {
    const path = join(folder, FORMAT_FOLDERS[format])
    await mkdir(path)
    await write(path)
    const own = { ...facts, format, files, ...(storedAs === undefined ? {} : { storedAs }) }
    await writeFile(join(path, CARD_FILE), modelCard(own))
  }
}

type Content = {
  readonly evaluation: NonNullable<StageResult['evaluation']>
  readonly results: Results
  readonly from: Folders
  readonly provenance: Provenance
  readonly formats: OpenFormats
  readonly notes: BaseNotes
}

/** @returns what writes all files of the run but its digests */
const writerOf =
  ({ evaluation, results, from, provenance, formats, notes }: Content) =>
  async (folder: string) => {
    const { training } = results.train
    const { dataset } = results.prepare
    const samples = await pickSamples(join(from.evaluate, 'samples.jsonl'))
    const facts = { dataset, training, evaluation, samples, provenance }
    await writeFormats(folder, formats, { ...facts, ...notes })
    const log = join(from.train, 'metrics.jsonl')
    await copyFile(log, join(folder, 'metrics.jsonl'))
    const began = startedAt(provenance, results)
    await writeEventFile(join(folder, eventFileName(began)), log, began)
    const metrics = publishedMetrics(evaluation, training)
    await writeFile(join(folder, 'metrics.json'), json(metrics))
    await writeFile(join(folder, PROVENANCE_FILE), json(provenance))
    const curves = await readCurves(log)
    const report = renderReport({ ...facts, curves })
    await writeFile(join(folder, 'report.html'), report)
  }

/** What a GGUF says of itself. */
const aboutOf = ({ job, baseModel }: Provenance, { license }: BaseNotes): GgufAbout => {
  const hub = parseHubUri(baseModel.uri)
  return {
    name: `${job.name} run ${job.run}`,
    ...(license === undefined ? {} : { license }),
    ...(hub ? { baseModel: { name: hub.name, url: `https://huggingface.co/${hub.name}` } } : {}),
  }
}

/** A training that may go on from a shared course has noted them there. */
const piecesOf = async (
  workspace: string,
  { spec }: JobFile,
  { prepare, train }: Pick<Awaited<ReturnType<typeof finishedEvaluate>>, 'prepare' | 'train'>,
) => {
  const course = stageFolder(workspace, 'train', courseKey(spec, prepare.result.digest))
  return (
    (await readPieces(join(train.folder, PIECES_FILE))) ??
    (await readPieces(join(course, PIECES_FILE)))
  )
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
    computed: await piecesOf(workspace, job, { prepare, train }),
    publishedAt: new Date(),
  })
  const parent = await openOutputFolder(uri, context)
  const notes = await baseNotes(join(prepare.folder, 'model'))
  const formats = await openFormats({
    spec: job.spec,
    prepare: prepare.folder,
    train: train.folder,
    about: aboutOf(provenance, notes),
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
    files: filesOf(formats, provenance, results),
    write: writerOf({ evaluation, results, from, provenance, formats, notes }),
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
