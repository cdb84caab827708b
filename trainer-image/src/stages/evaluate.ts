/** Stage Evaluate: base and tuned model answer the validation examples; scores, gates and samples out. */
import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import type { EvaluationSummary } from '@attune/crds/stage.ts'
import { evaluateKey } from '@attune/crds/stage-keys.ts'
import { removeTemporaries, writeFileAtomically } from '../atomic-file.ts'
import { openPrepared } from '../data/open-prepared.ts'
import { answerSuites, MODELS, type SuiteAnswers } from '../evaluate/answer-suites.ts'
import { summarizeEvaluation } from '../evaluate/evaluation-summary.ts'
import type { TrainerMetrics } from '../metrics.ts'
import { quantizationOf, roundedWeights } from '../model/quantization.ts'
import { readModelConfig } from '../model/read-config.ts'
import { loadTokenizer } from '../model/tokenizer.ts'
import { openTrained } from '../publish/trained-model.ts'
import type { Generator } from '../session/generator.ts'
import { createTunedGenerator } from '../session/tuned-generator.ts'
import { StageStopped } from '../stage-error.ts'
import { openWeights } from '../weights/open-weights.ts'
import { stoppableWeights } from '../weights/stoppable-weights.ts'
import type { StageContext, StageFunction } from './stage-context.ts'
import { finishedTrain, stageFolder } from './stage-folders.ts'

/** Share of the stage that loading takes, about. */
const LOADING = 0.05
/** The rest of the memory is the model's, in float32 and once more packed for the matrix kernels. */
const CACHE_SHARE = 1 / 8
const CACHE_MAX_BYTES = 2 ** 30

const setScores = (metrics: TrainerMetrics, { suites }: EvaluationSummary) => {
  for (const [suite, values] of Object.entries(suites))
    for (const [metric, pair] of Object.entries(values))
      for (const model of MODELS) metrics.evaluationScore.set({ suite, metric, model }, pair[model])
}

const samplesText = (answers: ReadonlyMap<string, SuiteAnswers>): string =>
  [...answers]
    .flatMap(([suite, scored]) => scored.answers.map(answer => ({ suite, ...answer })))
    .map(sample => `${JSON.stringify(sample)}\n`)
    .join('')

/** Times differ from run to run and are no part of the digest. */
const writeResults = async (
  folder: string,
  summary: EvaluationSummary,
  answers: ReadonlyMap<string, SuiteAnswers>,
): Promise<string> => {
  const samples = samplesText(answers)
  const generation = Object.fromEntries([...answers].map(([suite, { speed }]) => [suite, speed]))
  await writeFileAtomically(join(folder, 'samples.jsonl'), samples)
  await writeFileAtomically(
    join(folder, 'evaluation.json'),
    `${JSON.stringify({ ...summary, generation }, null, 2)}\n`,
  )
  return createHash('sha256').update(canonicalJson(summary)).update(samples).digest('hex')
}

/** @returns the generator, and how it turns tokens into text */
const loadModel = async (context: StageContext, modelFolder: string, trainFolder: string) => {
  const tokenizer = await loadTokenizer(modelFolder)
  const config = await readModelConfig(modelFolder)
  const trained = await openTrained(trainFolder)
  const weights = await openWeights(modelFolder)
  const closeWeights = async () => {
    await weights.close()
    await trained.close()
  }
  const scratchFolder = join(context.workspace, 'scratch')
  await mkdir(scratchFolder, { recursive: true })
  await removeTemporaries(scratchFolder)
  const eosTokenIds = [...new Set([...config.eosTokenIds, ...tokenizer.eosTokenIds])]
  const generator = await createTunedGenerator({
    config: { ...config, eosTokenIds },
    weights: roundedWeights(
      stoppableWeights(weights, context.signal),
      config,
      quantizationOf(context.job.spec.method),
    ),
    trained,
    scratchFolder,
    threads: availableParallelism(),
  }).catch(async error => {
    await closeWeights()
    throw error
  })
  const close = () => generator.close().finally(closeWeights)
  const decode = (tokens: Int32Array) => tokenizer.decode(tokens, { skipControl: true })
  return { generator: { ...generator, close }, decode }
}

const withClosed = async <T>(
  generator: Generator,
  use: (generator: Generator) => Promise<T>,
): Promise<T> => {
  try {
    return await use(generator)
  } finally {
    await generator.close()
  }
}

export const evaluate: StageFunction = async context => {
  const { job, workspace, signal, memoryLimitBytes } = context
  const { suites, gates } = job.spec.evaluation
  const { prepare, train } = await finishedTrain(workspace, job)
  const key = evaluateKey(job.spec, train.result.digest)
  const folder = stageFolder(workspace, 'evaluate', key)
  await mkdir(folder, { recursive: true })

  context.report({ activity: 'loading the model', fraction: 0 })
  const { examples } = await openPrepared(join(prepare.folder, 'dataset'))
  if (examples.length === 0 && suites.length > 0)
    context.log.warn('there are no validation examples: nothing is measured, gates do not hold')
  const { generator, decode } = await loadModel(
    context,
    join(prepare.folder, 'model'),
    train.folder,
  )
  const answers = await withClosed(generator, async open => {
    if (signal.aborted) throw new StageStopped('stopped before the first answer')
    return answerSuites({
      suites,
      examples,
      generator: open,
      decode,
      folder,
      cacheBytes: Math.min(CACHE_MAX_BYTES, memoryLimitBytes * CACHE_SHARE),
      signal,
      clock: () => performance.now() / 1000,
      report: (activity, fraction) =>
        context.report({ activity, fraction: LOADING + (1 - LOADING) * fraction }),
      onScore: ({ mean, ...labels }) => context.metrics.evaluationScore.set(labels, mean),
    })
  })
  for (const [suite, { speed }] of answers) context.log.info({ suite, ...speed }, 'suite answered')
  const evaluation = summarizeEvaluation(
    suites,
    gates,
    new Map([...answers].map(([suite, scored]) => [suite, scored.answers])),
  )
  setScores(context.metrics, evaluation)
  const digest = await writeResults(folder, evaluation, answers)
  context.report({ activity: 'evaluated', fraction: 1 })
  return { key, digest, evaluation }
}
