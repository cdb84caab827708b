/** What is found in the data before a model is known: duplicates, lengths in characters, slices. */
import type { CuratedSummary } from '@attune/crds/stage.ts'
import type { DatasetReport } from '@attune/crds/instruction-dataset-status.ts'
import type { Conversation } from './conversation.ts'
import { growing } from './growing.ts'
import type { ReadCounts } from './read-examples.ts'
import { createSliceCounter, type Side } from './slices.ts'

/** Slices in the summary that goes to status. */
const SUMMARY_SLICES = 20

const lengthsOf = (values: Int32Array): DatasetReport['promptCharacters'] => {
  const sorted = values.toSorted()
  const rank = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
  const mean = sorted.reduce((sum, value) => sum + value, 0) / Math.max(1, sorted.length)
  return {
    mean: Math.round(mean * 10) / 10,
    p50: rank(0.5),
    p95: rank(0.95),
    max: sorted.at(-1) ?? 0,
  }
}

const characters = (messages: Conversation['messages']): number =>
  messages.reduce((sum, { content }) => sum + content.length, 0)

export const createCuratedReport = () => {
  const slices = createSliceCounter()
  const counts = { train: 0, validation: 0 }
  const prompts = growing()
  const responses = growing()
  return {
    add(side: Side, { messages, slice }: Conversation) {
      counts[side] += 1
      slices.add(side, slice)
      if (side === 'validation') return
      // of a conversation with many turns the last is the answer
      prompts.push(characters(messages.slice(0, -1)))
      responses.push(characters(messages.slice(-1)))
    },
    counts: () => counts,
    summary({ read, duplicates }: ReadCounts): CuratedSummary {
      const largest = Object.values(slices.counts('train', 1))[0] ?? 0
      return {
        examples: counts.train,
        validationExamples: counts.validation,
        report: {
          read,
          duplicates,
          promptCharacters: lengthsOf(prompts.values()),
          responseCharacters: lengthsOf(responses.values()),
          slices: slices.counts('train', SUMMARY_SLICES),
          largestSliceShare: Math.round((largest / Math.max(1, counts.train)) * 1e4) / 1e4,
        },
      }
    },
  }
}
