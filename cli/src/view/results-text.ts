/** What `attune run` ends with: the table, and where on this machine the published things lie. */
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { TrainingSummary } from '@attune/crds/stage.ts'
import type { Results, StagesContext } from '../stage/run-stages.ts'
import { outputFolder } from '../workspace/layout.ts'
import { table } from './format.ts'
import { resultsTable } from './results-table.ts'

const REPORT = 'report.html'

export const hasReport = (folder: string): Promise<boolean> =>
  access(join(folder, REPORT)).then(
    () => true,
    () => false,
  )

/** Of a training that is not simply that of all its steps. */
export const trainedText = (training: TrainingSummary | undefined): string | undefined => {
  if (!training) return undefined
  const { steps, bestStep, stoppedEarly } = training
  const said = [
    ...(stoppedEarly ? [`stopped early at step ${steps}`] : []),
    ...(bestStep === undefined ? [] : [`the adapter is of step ${bestStep}, the best validation`]),
  ]
  return said.length > 0 ? said.join('; ') : undefined
}

/** @param folder of the run */
export const resultsText = async (
  results: Results,
  folder: string,
  { fileRoot, pvcRoot }: Pick<StagesContext, 'fileRoot' | 'pvcRoot'>,
): Promise<string> => {
  const { evaluation } = results.evaluate ?? {}
  const trained = trainedText(results.train?.training)
  const places = [
    ...(results.publish?.artifacts ?? []).map(({ format, uri }) => [
      format.toLowerCase(),
      outputFolder(uri, fileRoot, pvcRoot),
    ]),
    ...((await hasReport(folder)) ? [['report', join(folder, REPORT)]] : []),
  ]
  const parts = [
    ...(trained ? [trained] : []),
    ...(evaluation ? [resultsTable(evaluation)] : []),
    ...(places.length ? [table(places, [0, 1])] : []),
  ]
  return parts.map(part => `\n${part}\n`).join('')
}
