/**
 * Seconds of training on real data: the first problems of GSM8K's train split, one epoch, LoRA rank 16, by Attune
 * (packed rows, loss on the answers) and by TRL's SFTTrainer at its defaults. Attune goes before and after.
 */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { ensureModel } from '../../../examples/home-automation/ensure-model.ts'
import type { BenchOptions, BenchResult } from '../run.ts'
import { here, THREADS } from '../steps.ts'
import { attuneRun } from './attune-run.ts'
import { firstProblems } from './first-problems.ts'
import { gsm8kJob } from './job.ts'
import { publishedIn } from './published.ts'

const PROBLEMS = { train: 128, test: 1 }
const QUICK = { train: 16, test: 1 }

type Measured = { readonly seconds: number; readonly peakBytes: number }
type Given = { readonly scratch: string; readonly model: string; readonly data: string }

const attune = async (
  { scratch, model, data }: Given,
  name: string,
  say: BenchOptions['say'],
): Promise<Measured> => {
  const folder = join(scratch, name)
  const [manifest, output] = [join(folder, 'job.json'), join(folder, 'output')]
  await mkdir(folder)
  const [train, test] = [join(data, 'train.jsonl'), join(data, 'test.jsonl')]
  await writeFile(manifest, gsm8kJob({ model, train, test, output, answers: 1 }))
  const workspace = join(folder, 'workspace')
  const { code, peakBytes } = await attuneRun({
    manifest,
    workspace,
    say: line => say(`${name}: ${line}`),
  })
  const published = await publishedIn(output)
  if (code !== 0 || !published) throw new Error(`attune run ended with ${code}`)
  return { seconds: published.metrics.training['seconds']!, peakBytes }
}

const trl = async ({ scratch, model, data }: Given, peer: string): Promise<Measured> => {
  const script = here('./gsm8k/trl_peer.py')
  const args = [script, model, join(data, 'train.jsonl'), String(THREADS), join(scratch, 'trl')]
  const { stdout } = await promisify(execFile)(peer, args, { maxBuffer: 2 ** 26 }).catch(error => {
    throw new Error(`trl_peer.py: ${String(error.stderr).trim().split('\n').at(-1)}`)
  })
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Measured
}

export const benchSft = async (options: BenchOptions): Promise<BenchResult> => {
  const { data, peer, work = '.attune/gsm8k', quick, say } = options
  if (!data || !peer) throw new Error('sft needs --data FOLDER of GSM8K and --peer PYTHON with trl')
  const model = join(resolve(work), 'model')
  await ensureModel(model, say)
  const scratch = await mkdtemp(join(tmpdir(), 'bench-sft-'))
  try {
    const problems = quick ? QUICK : PROBLEMS
    const first = await firstProblems(resolve(data), join(scratch, 'data'), problems)
    const given = { scratch, model, data: first }
    const before = await attune(given, 'before', say)
    const theirs = await trl(given, peer)
    const after = await attune(given, 'after', say)
    const seconds = Math.min(before.seconds, after.seconds)
    const figures = {
      problems: problems.train,
      seconds,
      peakBytes: Math.max(before.peakBytes, after.peakBytes),
      trlSeconds: theirs.seconds,
      trlPeakBytes: theirs.peakBytes,
      vsTrl: Number((theirs.seconds / seconds).toFixed(3)),
    }
    for (const [name, value] of Object.entries(figures)) say(`${name.padEnd(30)} ${value}`)
    return figures
  } finally {
    await rm(scratch, { recursive: true })
  }
}
