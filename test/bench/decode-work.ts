/**
 * One party of the decoding benchmark: answers a batch of prompts for each line of standard input, and prints
 * `{seconds, peakBytes}` of it. Arguments: scratch folder, prompts at once, tokens of each answer, threads.
 */
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { createGenerator } from '../../trainer-image/src/session/generator.ts'
import { ALL_LINEAR, randomWeights, SMOLLM2_135M } from './random-model.ts'

const PROMPT_TOKENS = 64
const [scratchFolder, batchText, answerText, threads] = process.argv.slice(2)
const [batch, maxNewTokens] = [Number(batchText), Number(answerText)]

/** No token ends an answer, so that all are equally long. */
const config = { ...SMOLLM2_135M, eosTokenIds: [] }
const generator = await createGenerator({
  config,
  weights: randomWeights(config),
  adapterConfig: { rank: 8, alpha: 16, targetModules: ALL_LINEAR },
  adapter: new Map(),
  scratchFolder: scratchFolder!,
  threads: Number(threads),
})
const prompts = Array.from({ length: batch }, (_, row) =>
  Int32Array.from({ length: PROMPT_TOKENS }, (_, i) => (row * 104729 + i * 7919 + 13) % 49152),
)
const peakBytes = () =>
  Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024

for await (const _ of createInterface({ input: process.stdin })) {
  const started = performance.now()
  const signal = new AbortController().signal
  await generator.generate(prompts, { model: 'base', maxNewTokens, batchSize: batch, signal })
  const seconds = (performance.now() - started) / 1000
  process.stdout.write(`${JSON.stringify({ seconds, peakBytes: peakBytes() })}\n`)
}
await generator.close()
