/** Stage Curate of an InstructionDataset: sources in; each example once, split, with a report. No model is needed. */
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CURATE } from '@attune/crds/stage.ts'
import { curateKey } from '@attune/crds/stage-keys.ts'
import { syncFolder, temporaryFor, writeFileAtomically } from '../atomic-file.ts'
import { createCuratedWriter, readCuratedRecords } from '../data/curated.ts'
import { createCuratedReport } from '../data/curated-report.ts'
import { type FetchedData, fetchData, isDataUnchanged } from '../data/fetch-sources.ts'
import { checkQuality } from '../data/quality.ts'
import { readExamples } from '../data/read-examples.ts'
import { StageStopped } from '../stage-error.ts'
import { fetchContext } from './fetch-context.ts'
import type { CurateContext, StageOutput } from './stage-context.ts'
import { readStageResult, stageFolder } from './stage-folders.ts'

/** Share of the stage's progress. */
const FETCHED = 0.5

/** An earlier result, if the sources are still those it was made of. */
const reuse = async (
  key: string,
  folder: string,
  context: CurateContext,
): Promise<StageOutput | undefined> => {
  const earlier = await readStageResult(context.workspace, CURATE, key)
  if (!earlier?.digest || !earlier.curated) return undefined
  const records = await readCuratedRecords(folder, earlier.digest)
  if (!records || !(await isDataUnchanged(records, folder, fetchContext(context, FETCHED))))
    return undefined
  return { key, digest: earlier.digest, curated: earlier.curated }
}

const write = async (
  folder: string,
  { train, validation, records }: FetchedData,
  { dataset: { spec }, signal, report }: CurateContext,
) => {
  const writer = await createCuratedWriter(folder)
  const found = createCuratedReport()
  try {
    const options = {
      train,
      validation,
      dataset: spec,
      signal,
      onProgress: (fraction: number) =>
        report({ activity: 'reading examples', fraction: FETCHED + (1 - FETCHED) * fraction }),
    }
    const counts = await readExamples(options, async ({ side, conversation }) => {
      found.add(side, conversation)
      await writer.add(side, conversation)
    })
    const dropped = { truncated: 0, tooLong: 0, untrained: 0 }
    checkQuality({ ...counts, ...found.counts(), ...dropped }, spec, { at: 'spec' })
    return { digest: await writer.finish(spec, records), curated: found.summary(counts) }
  } finally {
    await writer.close()
  }
}

/** Downloads stay after a stop: the next attempt goes on from them. */
const downloadsOf = ({ workspace }: CurateContext, key: string) => join(workspace, 'downloads', key)

/** Written beside and renamed: a pod of a lost node may still be at work on the same content. */
const curateAnew = async (
  key: string,
  folder: string,
  context: CurateContext,
): Promise<StageOutput> => {
  const temporary = temporaryFor(folder)
  try {
    const downloads = downloadsOf(context, key)
    const sources = await fetchData(context.dataset.spec, downloads, fetchContext(context, FETCHED))
    const output = { key, ...(await write(temporary, sources, context)) }
    const report = `${JSON.stringify(output.curated.report, null, 2)}\n`
    await writeFileAtomically(join(temporary, 'report.json'), report)
    await rm(folder, { recursive: true, force: true })
    await rename(temporary, folder)
    await syncFolder(dirname(folder))
    await rm(downloads, { recursive: true, force: true })
    return output
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

/** Contents that nobody reads any more, and what attempts that were cut off have left. */
const removeOthers = async (folder: string, kept: readonly string[]) => {
  const all = dirname(folder)
  for (const name of await readdir(all))
    if (!kept.includes(name)) await rm(join(all, name), { recursive: true, force: true })
}

export const curate = async (context: CurateContext): Promise<StageOutput> => {
  const { dataset, workspace, signal, report } = context
  const key = curateKey(dataset.spec)
  const folder = stageFolder(workspace, CURATE, key)
  report({ activity: 'looking at sources', fraction: 0 })
  try {
    await mkdir(dirname(folder), { recursive: true })
    const output = (await reuse(key, folder, context)) ?? (await curateAnew(key, folder, context))
    await removeOthers(folder, [key, ...dataset.keep])
    report({ activity: 'curated', fraction: 1 })
    return output
  } catch (error) {
    if (signal.aborted)
      throw new StageStopped('stopped while curating; the next attempt reads the sources again')
    await rm(downloadsOf(context, key), { recursive: true, force: true })
    throw error
  }
}
