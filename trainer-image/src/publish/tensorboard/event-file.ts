/** metrics.jsonl as a TensorBoard event file, under the tags that Hugging Face's Trainer writes. */
import { open } from 'node:fs/promises'
import { readLines } from '../../data/read-lines.ts'
import { scalarRecord, versionRecord } from './event-record.ts'

const LINE_MAX_BYTES = 4096

/** field of metrics.jsonl → tag */
const TAGS: Readonly<Record<string, string>> = {
  loss: 'train/loss',
  learningRate: 'train/learning_rate',
  gradientNorm: 'train/grad_norm',
  epoch: 'train/epoch',
  tokens: 'train/num_input_tokens_seen',
  tokensPerSecond: 'train/tokens_per_second',
  validationLoss: 'eval/loss',
  validationTokenAccuracy: 'eval/mean_token_accuracy',
}

const isNumber = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value)

type Entry = { readonly step: number; readonly fields: Readonly<Record<string, unknown>> }

const parse = (text: string): Entry | undefined => {
  try {
    const fields = JSON.parse(text) as Readonly<Record<string, unknown>>
    const step = fields['step']
    return isNumber(step) ? { step, fields } : undefined
  } catch {
    // a line cut short by a kill
    return undefined
  }
}

/** A validation's epoch is that of the step before it. */
const scalarsOf = ({ fields }: Entry): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(TAGS).flatMap(([field, tag]) => {
      const value = fields[field]
      return isNumber(value) && (field !== 'epoch' || 'loss' in fields) ? [[tag, value]] : []
    }),
  )

/** Seconds that the steps took, one after the other: lines have no time of their own. */
const createClock = () => {
  let [tokens, seconds] = [0, 0]
  return ({ fields }: Entry): number => {
    const { tokens: now, tokensPerSecond: rate } = fields
    if (isNumber(now) && isNumber(rate) && rate > 0 && now > tokens) {
      seconds += (now - tokens) / rate
      tokens = now
    }
    return seconds
  }
}

/** The second is part of the name, as TensorBoard orders files by it. */
export const eventFileName = (startedAt: number): string =>
  `events.out.tfevents.${Math.floor(startedAt)}.attune`

/** @param startedAt seconds since 1970 */
export const writeEventFile = async (
  path: string,
  metricsLog: string,
  startedAt: number,
): Promise<void> => {
  const file = await open(path, 'wx')
  try {
    await file.writeFile(versionRecord(startedAt))
    const clock = createClock()
    for await (const { text } of readLines(metricsLog, 'metrics.jsonl', LINE_MAX_BYTES)) {
      const entry = parse(text)
      if (!entry) continue
      const scalars = scalarsOf(entry)
      if (Object.keys(scalars).length === 0) continue
      const wallTime = startedAt + clock(entry)
      await file.writeFile(scalarRecord({ wallTime, step: entry.step, scalars }))
    }
  } finally {
    await file.close()
  }
}
