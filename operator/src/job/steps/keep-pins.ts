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
  return Object.keys(kept).length > 0 ? takeReference(situation, kept) : undefined
}
