/** Stage Prepare: sources in; model folder, tokenized and packed data, report and plan out. */
import { createHash } from 'node:crypto'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import { outputFormats } from '@attune/crds/output-formats.ts'
import type { ResolvedDataset } from '@attune/crds/resolved-spec.ts'
import type { DatasetSummary } from '@attune/crds/stage.ts'
import { prepareKey } from '@attune/crds/stage-keys.ts'
import { removeTemporaries, temporaryFor, writeFileAtomically } from '../atomic-file.ts'
import { type BuildOptions, type BuiltDataset, buildDataset } from '../data/build-dataset.ts'
import { openCurated } from '../data/curated.ts'
import {
  areUnchanged,
  DATA_FOLDER,
  type FetchedSources,
  fetchSources,
  isLocal,
  MODEL_FOLDER,
  readRecords,
  type SourceRecords,
  writeRecords,
} from '../data/fetch-sources.ts'
import { openRenderer } from '../data/model-renderer.ts'
import { openPrepared } from '../data/open-prepared.ts'
import type { ModelConfig } from '../model/config.ts'
import { readModelConfig } from '../model/read-config.ts'
import { makePlan } from '../plan/make-plan.ts'
import { usesCuda } from '../session/execution-providers.ts'
import { checkFormats } from '../publish/check-formats.ts'
import { TEMPLATE_FILE } from '../publish/open-formats.ts'
import { invalidSpec, StageStopped } from '../stage-error.ts'
import { checkComparisons } from '../train/best.ts'
import { publishDataset } from '../train/training-metrics.ts'
import { fetchContext } from './fetch-context.ts'
import type { StageContext, StageFunction, StageOutput } from './stage-context.ts'
import { readStageResult, stageFolder } from './stage-folders.ts'
import { openTuningStart } from './tuning-start.ts'

const DATASET_FOLDER = 'dataset'
const SCRATCH_FOLDER = 'scratch'
const RESULT_FILE = 'result.json'
/** Shares of the stage's progress. */
const FETCHED = 0.3
const TOKENIZED = 0.98

const checkLength = (config: ModelConfig, { job }: StageContext) => {
  const { sequenceLength } = job.spec.training
  if (sequenceLength > config.maxPositions)
    throw invalidSpec(
      `training.sequenceLength is ${sequenceLength}, the model has ${config.maxPositions} positions; set it to ${config.maxPositions} or less`,
    )
}

const planOf = (config: ModelConfig, dataset: DatasetSummary, context: StageContext) =>
  makePlan({
    config,
    spec: context.job.spec,
    dataset,
    memoryLimitBytes: context.memoryLimitBytes,
    cores: availableParallelism(),
    cuda: usesCuda(context.environment),
  })

/** An earlier result, if sources and files are still those it was made of. The plan is made anew: it follows from more than the key. */
const reuse = async (
  key: string,
  folder: string,
  context: StageContext,
): Promise<StageOutput | undefined> => {
  const earlier = await readStageResult(context.workspace, 'prepare', key)
  const records = await readRecords(folder)
  if (!earlier?.digest || !earlier.dataset || !records) return undefined
  if (!(await areUnchanged(records, folder, fetchContext(context, FETCHED)))) return undefined
  try {
    await openPrepared(join(folder, DATASET_FOLDER))
    const config = await readModelConfig(join(folder, MODEL_FOLDER))
    const { digest, dataset } = earlier
    return { key, digest, dataset, plan: planOf(config, dataset, context) }
  } catch (error) {
    context.log.warn({ err: error }, 'what was prepared is damaged; preparing again')
    return undefined
  }
}

type PreparedFrom = BuildOptions['dataset'] & Pick<ResolvedDataset, 'chatTemplate'>

const build = async (
  folder: string,
  config: ModelConfig,
  { train, validation, dataset }: FetchedSources & { readonly dataset: PreparedFrom },
  { job, signal, report }: StageContext,
): Promise<BuiltDataset> => {
  const { training } = job.spec
  report({ activity: 'loading tokenizer', fraction: FETCHED })
  return buildDataset(join(folder, DATASET_FOLDER), {
    train,
    validation,
    dataset,
    sequenceLength: training.sequenceLength,
    packing: training.packing,
    vocabularySize: config.vocabSize,
    renderer: await openRenderer(join(folder, MODEL_FOLDER), config, dataset.chatTemplate),
    // a pod of a lost node may still be at work on the same content
    scratch: temporaryFor(join(folder, SCRATCH_FOLDER)),
    signal,
    onProgress: (activity, fraction) =>
      report({ activity, fraction: FETCHED + (TOKENIZED - FETCHED) * fraction }),
  })
}

const prepareAnew = async (
  key: string,
  folder: string,
  context: StageContext,
): Promise<StageOutput> => {
  // from here on the earlier result is no longer true
  await rm(join(folder, RESULT_FILE), { force: true })
  await removeTemporaries(folder)
  const { model, method, dataset: given } = context.job.spec
  const fetching = fetchContext(context, FETCHED)
  const dataset = given.curated ? await openCurated(given, given.curated, fetching) : given
  const sources = await fetchSources({ model, method, dataset }, folder, fetching)
  context.report({ activity: 'checking model', fraction: FETCHED })
  const config = await readModelConfig(join(folder, MODEL_FOLDER))
  checkLength(config, context)
  const { summary, report, digest } = await build(folder, config, { ...sources, dataset }, context)
  await writeFileAtomically(join(folder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`)
  await writeRecords(folder, sources.records)
  if (dataset.chatTemplate)
    await writeFileAtomically(join(folder, TEMPLATE_FILE), dataset.chatTemplate)
  await rm(join(folder, DATA_FOLDER), { recursive: true, force: true })
  context.log.info({ ...report.counts, fullness: report.rows.fullness }, 'data prepared')
  const plan = planOf(config, summary, context)
  if (plan.fits === false)
    context.log.warn(
      { estimatedMemoryBytes: plan.estimatedMemoryBytes, limit: plan.memoryLimit },
      'training is estimated to need more memory than there is',
    )
  return {
    key,
    digest: createHash('sha256')
      .update(canonicalJson([...modelDigests(sources.records), digest]))
      .digest('hex'),
    dataset: summary,
    plan,
  }
}

/** The method, but for the adapter that it starts from, is no part of the stage's key. */
const checkTuning = async ({ job: { spec } }: StageContext, folder: string) => {
  await openTuningStart(await readModelConfig(join(folder, MODEL_FOLDER)), spec, folder)
}

/** Of this model; formats are no part of the stage's key. */
const checkOutput = async ({ job: { spec } }: StageContext, folder: string) => {
  if (outputFormats(spec).every(format => format === 'Adapter')) return
  const modelFolder = join(folder, MODEL_FOLDER)
  await checkFormats(spec, await readModelConfig(modelFolder), modelFolder)
}

const modelDigests = ({ model, adapter }: SourceRecords): readonly string[] => [
  model.digest,
  ...(adapter ? [adapter.digest] : []),
]

/** Downloads stay: after a stop the next attempt goes on from them, and a mended line needs no model fetched again. */
const cleanUp = async (folder: string, { job, signal }: StageContext) => {
  const kept: string[] = []
  if (signal.aborted) kept.push(MODEL_FOLDER, DATA_FOLDER)
  else if (!isLocal(job.spec.model.source.uri)) kept.push(MODEL_FOLDER)
  const names = await readdir(folder).catch((): string[] => [])
  // another pod has finished what this one has failed at
  if (names.includes(RESULT_FILE)) return
  for (const name of names)
    if (!kept.includes(name)) await rm(join(folder, name), { recursive: true, force: true })
  if (names.every(name => !kept.includes(name))) await rm(folder, { recursive: true, force: true })
}

export const prepare: StageFunction = async context => {
  const key = prepareKey(context.job.spec)
  const folder = stageFolder(context.workspace, 'prepare', key)
  context.report({ activity: 'looking at sources', fraction: 0 })
  try {
    await mkdir(folder, { recursive: true })
    const output = (await reuse(key, folder, context)) ?? (await prepareAnew(key, folder, context))
    // before a machine with an accelerator is taken for it
    await checkTuning(context, folder)
    await checkOutput(context, folder)
    checkComparisons(context.job.spec.training, { count: output.dataset?.validationExamples ?? 0 })
    if (output.dataset) publishDataset(context.metrics, output.dataset)
    context.report({ activity: 'prepared', fraction: 1 })
    return output
  } catch (error) {
    await cleanUp(folder, context)
    if (context.signal.aborted)
      throw new StageStopped('stopped while preparing; the next run starts Prepare again')
    throw error
  }
}
