/** `attune run`: the four stages of a job on this machine. */
import { access } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { STAGES } from '@attune/crds/stage.ts'
import { specHash } from '@attune/crds/stage-keys.ts'
import { Command } from 'commander'
import { CliError } from '../cli-error.ts'
import {
  type Session,
  type SessionOptions,
  withSession,
  writeJobFile,
} from '../stage/open-session.ts'
import { type Results, runStages, type StagesEnd } from '../stage/run-stages.ts'
import { unfinishedError } from '../stage/stopped-or-failed.ts'
import { table } from '../view/format.ts'
import { resultsTable } from '../view/results-table.ts'
import { parseMount } from '../workspace/claims.ts'
import { clearStages, outputFolder } from '../workspace/layout.ts'
import {
  nextRun,
  publishedRuns,
  type RunOutcome,
  type RunRecord,
  readRuns,
  withRun,
  writeRuns,
} from '../workspace/runs.ts'

type Options = SessionOptions & { readonly fresh?: boolean }

const EXAMPLES = `
Examples:
  attune run job.yaml
  attune run job.yaml --mount datasets=./data --mount models=./out
  attune run job.yaml --fresh             forget what earlier runs have made

Ctrl-C saves a checkpoint and stops; the same command goes on from it. Twice kills.

Exit code: 0 published, 1 a gate does not hold or the file is not valid, 75 stopped,
64-78 a failure that running again cannot cure, 130 killed.`

const OUTCOMES: Readonly<Record<StagesEnd['kind'], RunOutcome>> = {
  succeeded: 'Succeeded',
  gatesNotPassed: 'GatesNotPassed',
  failed: 'Failed',
  stopped: 'Stopped',
}

const ended = (run: RunRecord, end: StagesEnd): RunRecord => ({
  ...run,
  outcome: OUTCOMES[end.kind],
  ...(end.kind === 'failed' ? { reason: end.reason } : {}),
  finishedAt: new Date().toISOString(),
})

const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )

/** The table, and where on this machine the published things lie. */
const resultsText = async (
  results: Results,
  folder: string,
  { fileRoot, pvcRoot }: Session,
): Promise<string> => {
  const { evaluation } = results.evaluate ?? {}
  const report = join(folder, 'report.html')
  const places = [
    ...(results.publish?.artifacts ?? []).map(({ format, uri }) => [
      format.toLowerCase(),
      outputFolder(uri, fileRoot, pvcRoot),
    ]),
    ...((await isThere(report)) ? [['report', report]] : []),
  ]
  const parts = [
    ...(evaluation ? [resultsTable(evaluation)] : []),
    ...(places.length ? [table(places, [0, 1])] : []),
  ]
  return parts.map(part => `\n${part}\n`).join('')
}

const startRun = async (session: Session, output: string, fresh: boolean) => {
  const { job, workspace, view } = session
  const earlier = await readRuns(workspace)
  const hash = specHash(job.spec)
  const { number, goesOn } = nextRun(earlier, hash, await publishedRuns(output), fresh)
  if (fresh) await clearStages(workspace)
  const startedAt = (goesOn ? earlier.at(-1)?.startedAt : undefined) ?? new Date().toISOString()
  const run: RunRecord = { number, specHash: hash, startedAt }
  await writeRuns(workspace, withRun(earlier, run))
  await writeJobFile(session, number)
  const place = relative(process.cwd(), workspace) || '.'
  view.say(`run ${number} of ${job.metadata.name}${goesOn ? ' goes on' : ''}, in ${place}`)
  return { run, earlier }
}

const runJob = async (session: Session, fresh: boolean): Promise<void> => {
  const { job, workspace, fileRoot, pvcRoot, interrupts } = session
  const output = outputFolder(job.spec.output.uri, fileRoot, pvcRoot)
  const { run, earlier } = await startRun(session, output, fresh)
  const end = await runStages(STAGES, session)
  await writeRuns(workspace, withRun(earlier, ended(run, end)))
  if (end.kind === 'failed' || end.kind === 'stopped')
    throw unfinishedError(end, interrupts.killed())
  const folder = join(output, `run-${run.number}`)
  process.stdout.write(await resultsText(end.results, folder, session))
  if (end.kind === 'gatesNotPassed')
    throw new CliError('GatesNotPassed: a gate does not hold, so nothing was published')
}

const run = (manifest: string, options: Options): Promise<void> =>
  withSession(manifest, options, session => runJob(session, options.fresh ?? false))

export const runCommand = (): Command =>
  new Command('run')
    .description('tune on this machine: prepare, train, evaluate, publish')
    .argument('<file>', 'manifest with one InstructionTuningJob')
    .option('--workspace <dir>', 'folder for what is made (default: .attune/<job> beside the file)')
    .option('--mount <claim=dir>', 'folder for pvc://claim/…; may be repeated', parseMount, {})
    .option('--fresh', 'begin a new run and forget what earlier ones have made')
    .addHelpText('after', EXAMPLES)
    .action(run)
