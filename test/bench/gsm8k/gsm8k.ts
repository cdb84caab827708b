/**
 * SmolLM2-135M-Instruct on the whole GSM8K train split (arXiv:2110.14168), one epoch: once undisturbed and once killed
 * three times; the adapters must be the same bytes. Everything lies in one folder, and what is finished there is not
 * done again, so the benchmark too can be stopped and goes on.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ensureModel } from '../../../examples/home-automation/ensure-model.ts'
import type { BenchOptions, BenchResult } from '../run.ts'
import { attuneRun, stepsDone } from './attune-run.ts'
import { firstProblems } from './first-problems.ts'
import { gsm8kJob } from './job.ts'
import { publishedIn } from './published.ts'

/** Problems of a split that `--quick` takes. */
const QUICK = { train: 160, test: 8 }
/** Shares of the steps after which the second run is killed. */
const KILLS = [0.2, 0.5, 0.8]
const ANSWERS = 200

type Name = 'undisturbed' | 'killed'
type Party = {
  readonly name: Name
  readonly folder: string
  readonly manifest: string
  readonly workspace: string
  readonly output: string
}

const partyIn = async (
  work: string,
  name: Name,
  { data, model }: { data: string; model: string },
): Promise<Party> => {
  const folder = join(work, name)
  await mkdir(folder, { recursive: true })
  const [manifest, output] = [join(folder, 'job.json'), join(folder, 'output')]
  const job = gsm8kJob({
    model,
    train: join(data, 'train.jsonl'),
    test: join(data, 'test.jsonl'),
    output,
    answers: ANSWERS,
  })
  await writeFile(manifest, job)
  return { name, folder, manifest, workspace: join(folder, 'workspace'), output }
}

/** @returns the most memory that a process of it held, bytes; kept beside the run, for it may be made in parts */
const runTo = async (party: Party, killAt: number | undefined, say: BenchOptions['say']) => {
  const file = join(party.folder, 'peak-bytes')
  const before = Number(await readFile(file, 'utf8').catch(() => '0'))
  const { code, peakBytes } = await attuneRun({
    ...party,
    ...(killAt === undefined ? {} : { killAt }),
    say: line => say(`${party.name}: ${line}`),
  })
  const peak = Math.max(before, peakBytes)
  await writeFile(file, String(peak))
  if (killAt === undefined && code !== 0) throw new Error(`attune run ended with ${code}`)
  return peak
}

const finish = async (party: Party, kills: readonly number[], say: BenchOptions['say']) => {
  const done = await publishedIn(party.output)
  for (const killAt of done ? [] : kills)
    if ((await stepsDone(party.workspace)) < killAt) {
      await runTo(party, killAt, say)
      say(`${party.name}: killed at step ${await stepsDone(party.workspace)}`)
    }
  const peakBytes = done
    ? Number(await readFile(join(party.folder, 'peak-bytes'), 'utf8'))
    : await runTo(party, undefined, say)
  const published = await publishedIn(party.output)
  if (!published) throw new Error(`${party.output}: nothing is published`)
  return { ...published, peakBytes }
}

export const benchGsm8k = async (options: BenchOptions): Promise<BenchResult> => {
  const { data, work = '.attune/gsm8k', quick, say } = options
  if (!data) throw new Error('gsm8k needs --data FOLDER, with train.jsonl and test.jsonl of GSM8K')
  const folder = resolve(work)
  const model = join(folder, 'model')
  await ensureModel(model, say)
  const whole = resolve(data)
  const given = {
    data: quick ? await firstProblems(whole, join(folder, 'first'), QUICK) : whole,
    model,
  }
  const undisturbed = await finish(await partyIn(folder, 'undisturbed', given), [], say)
  const { training, evaluation } = undisturbed.metrics
  const steps = training['steps'] ?? 0
  const kills = KILLS.map(share => Math.max(1, Math.floor(share * steps)))
  const killed = await finish(await partyIn(folder, 'killed', given), kills, say)
  const figures = {
    steps,
    tokens: training['tokens'] ?? 0,
    tokensPerSecond: training['tokensPerSecond'] ?? 0,
    seconds: training['seconds'] ?? 0,
    validationLoss: training['validationLoss'] ?? 0,
    peakBytes: undisturbed.peakBytes,
    ...Object.fromEntries(
      Object.entries(evaluation.test).flatMap(([metric, { base, tuned }]) => [
        [`${metric}Base`, base],
        [`${metric}Tuned`, tuned],
      ]),
    ),
    sameBytesAfterThreeKills: String(killed.digest === undisturbed.digest),
    adapterSha256: undisturbed.digest,
  }
  for (const [name, value] of Object.entries(figures)) say(`${name.padEnd(30)} ${value}`)
  return figures
}
