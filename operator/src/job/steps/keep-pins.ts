/** A trial's run starts from what the trials of its experiment have in common. */
import { isFinished } from '../run.ts'
import type { RunStep } from '../situation.ts'
import { takeReference } from './take-reference.ts'

export const keepPins: RunStep = situation => {
  const { run } = situation
  const { pins } = situation.observed
  if (!pins || isFinished(run)) return undefined
  const kept = {
    ...(pins.model && !run.model ? { model: pins.model } : {}),
    ...(pins.content && !run.content ? { content: pins.content } : {}),
  }
  if (Object.keys(kept).length === 0) return undefined
  const taken = takeReference(situation, kept)
  return kept.model ? { ...taken, selection: kept.model } : taken
}
