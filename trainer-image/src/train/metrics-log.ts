/** metrics.jsonl: one line per step and per validation, appended; after a resume it goes on where the checkpoint was. */
import { appendFile, readFile } from 'node:fs/promises'
import { writeFileAtomically } from '../atomic-file.ts'

export type StepRecord = {
  readonly step: number
  readonly epoch: number
  readonly loss: number
  readonly learningRate: number
  readonly gradientNorm: number
  readonly tokens: number
  readonly tokensPerSecond: number
  /** where the loss is scaled */
  readonly lossScale?: number
}
export type ValidationRecord = {
  readonly step: number
  readonly epoch: number
  readonly validationLoss: number
  readonly validationTokenAccuracy: number
}

const stepOf = (line: string): number => {
  try {
    const { step } = JSON.parse(line) as { step?: unknown }
    return typeof step === 'number' ? step : Number.POSITIVE_INFINITY
  } catch {
    // a line cut short by a kill
    return Number.POSITIVE_INFINITY
  }
}

/** Drops what was written after the checkpoint that training goes on from. */
export const openMetricsLog = async (path: string, resumedStep: number) => {
  const lines = (await readFile(path, 'utf8').catch(() => '')).split('\n')
  const kept = lines.filter(line => line !== '' && stepOf(line) <= resumedStep)
  await writeFileAtomically(path, kept.map(line => `${line}\n`).join(''))
  return {
    append: (entry: StepRecord | ValidationRecord) =>
      appendFile(path, `${JSON.stringify(entry)}\n`),
  }
}
