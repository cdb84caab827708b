/** `attune run`: the four stages of a job on this machine. */
import { join } from 'node:path'
import { printable } from '@attune/crds/printable.ts'
import type { ResolvedSpec } from '@attune/crds/resolved-spec.ts'
import { STAGES } from '@attune/crds/stage.ts'
import { specHash } from '@attune/crds/stage-keys.ts'
import { Command } from 'commander'
import { CliError } from '../cli-error.ts'
import { reproduce } from '../reproduce/reproduce.ts'
import { lookAgain, type SecondLook } from '../stage/look-again.ts'
import { type Session, type SessionOptions, withSession } from '../stage/open-session.ts'
import { runStages } from '../stage/run-stages.ts'
import { endedRun, startRun } from '../stage/start-run.ts'
import { unfinishedError } from '../stage/stopped-or-failed.ts'
import { profileOfTrained } from '../view/profile-text.ts'
import { hasReport, resultsText } from '../view/results-text.ts'
import { checkOutput } from '../workspace/check-output.ts'
import { mountOption } from '../workspace/claims.ts'
import { outputFolder, trainedFolder } from '../workspace/layout.ts'
import { finishedRun, type RunRecord, readRuns, withRun, writeRuns } from '../workspace/runs.ts'

type Anew = { readonly fresh?: boolean; readonly again?: boolean }
type RunOptions = SessionOptions &
  Anew & { readonly profile?: boolean; readonly reproduce?: string }

const EXAMPLES = `
Examples:
  attune run job.yaml
  attune run job.yaml --mount datasets=./data --mount models=./out
  attune run job.yaml --again             a further run, though nothing has changed
  attune run job.yaml --fresh             forget what earlier runs have made
  attune run job.yaml --fresh --profile   train anew and tell where the time of a step went
  attune run --reproduce out/run-3/provenance.json

--reproduce looks whether sources and versions are those of the published run, trains it again in a workspace of its own, and tells whether the
same bytes came of it; file:// paths that are relative are taken from the current folder.

Ctrl-C saves a checkpoint and stops; the same command goes on from it. Twice kills.

Exit code: 0 published (or evaluated, where output.publish is false), 1 the file is not valid, a gate does not hold, or a failure that may pass
when run again (hub not reached, output not written), 75 stopped, another of 64-78 a failure that running again cannot cure,
130 killed, 137 out of memory.`

const runFolder = (output: string, run: RunRecord) => join(output, `run-${run.number}`)

/** Tells of a finished run that another would only repeat. */
const secondLook = async (
  session: Session,
  earlier: readonly RunRecord[],
  output: string,
): Promise<SecondLook> => {
  const run = finishedRun(earlier, specHash(session.job.spec))
  if (!run || !(await hasReport(runFolder(output, run)))) return {}
  const look = await lookAgain(session, run)
  if (!look.finished) return look
  const { name } = session.job.metadata
  session.view.say(`run ${run.number} of ${name} is finished already; --again makes another`)
  process.stdout.write(printable(await resultsText(look.finished, runFolder(output, run), session)))
  return look
}

const stagesOf = ({ output }: ResolvedSpec) =>
  STAGES.filter(stage => stage !== 'publish' || output.publish !== false)

/** @param trained key of what Train made */
const sayProfile = async (session: Session, trained: string | undefined): Promise<void> => {
  if (trained === undefined) return
  const text = await profileOfTrained(trainedFolder(session.workspace, trained))
  process.stdout.write(printable(`\n${text}`))
}

const runJob = async (session: Session, options: RunOptions): Promise<void> => {
  const { fresh = false, again = false, profile = false } = options
  const { job, workspace, fileRoot, pvcRoot, interrupts } = session
  const output = outputFolder(job.spec.output.uri, fileRoot, pvcRoot)
  const earlier = await readRuns(workspace)
  const look = fresh || again ? {} : await secondLook(session, earlier, output)
  if (look.finished) return
  await checkOutput(job.spec.output.uri, output)
  const run = await startRun(session, earlier, output, fresh)
  const more = profile ? { train: ['--profile'] } : {}
  const end = await runStages(stagesOf(job.spec), session, look.prepared, more)
  await writeRuns(workspace, withRun(earlier, endedRun(run, end)))
  if (profile && 'results' in end) await sayProfile(session, end.results.train?.key)
  if (end.kind === 'failed' || end.kind === 'stopped')
    throw unfinishedError(end, interrupts.killed())
  process.stdout.write(printable(await resultsText(end.results, runFolder(output, run), session)))
  if (end.kind === 'gatesNotPassed')
    throw new CliError('GatesNotPassed: a gate does not hold, so nothing was published')
}

const run = (manifest: string | undefined, options: RunOptions): Promise<void> => {
  const { reproduce: provenance } = options
  if ((manifest === undefined) === (provenance === undefined))
    throw new CliError('give a manifest, or --reproduce and the provenance.json of a published run')
  return provenance === undefined
    ? withSession(manifest!, options, session => runJob(session, options))
    : reproduce(provenance, options)
}

export const runCommand = (): Command =>
  new Command('run')
    .description('tune on this machine: prepare, train, evaluate, publish')
    .argument('[file]', 'manifest with one InstructionTuningJob')
    .option('--workspace <dir>', 'folder for what is made (default: .attune/<job> beside the file)')
    .addOption(mountOption())
    .option('--catalogue <dir>', 'folder of BaseModels, for spec.model.ref and selector')
    .option('--again', 'begin a new run though the last one is finished and nothing has changed')
    .option('--fresh', 'begin a new run and forget what earlier ones have made')
    .option('--reproduce <provenance>', 'train a published run again and compare the bytes')
    .option('--profile', 'also tell where the time of training steps went, by operator and layer')
    .addHelpText('after', EXAMPLES)
    .action(run)
