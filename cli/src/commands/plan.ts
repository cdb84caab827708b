/** `attune plan`: what a job will take, found by its Prepare stage, before anything is trained. */
import { Command, Option } from 'commander'
import { CliError } from '../cli-error.ts'
import {
  type Session,
  type SessionOptions,
  withSession,
  writeJobFile,
} from '../stage/open-session.ts'
import { runStages } from '../stage/run-stages.ts'
import { unfinishedError } from '../stage/stopped-or-failed.ts'
import { planText } from '../view/plan-text.ts'
import { mountOption } from '../workspace/claims.ts'

type Options = SessionOptions & { readonly output: 'text' | 'json' }

const EXAMPLES = `
Examples:
  attune plan job.yaml
  attune plan job.yaml --mount datasets=./data     where the job reads pvc://datasets/…
  attune plan job.yaml -o json

What Prepare makes stays in the workspace, and \`attune run\` goes on from it.`

const prepare = async (session: Session) => {
  // the number names what Publish writes, which this command never reaches
  await writeJobFile(session, 1)
  const end = await runStages(['prepare'], session)
  if (end.kind === 'stopped' || end.kind === 'failed')
    throw unfinishedError(end, session.interrupts.killed())
  const result = end.results.prepare
  if (!result?.plan && !result?.dataset) throw new CliError('prepare gave no plan')
  return result
}

const plan = async (manifest: string, options: Options) => {
  const result = await withSession(manifest, options, prepare)
  process.stdout.write(
    options.output === 'json'
      ? `${JSON.stringify({ dataset: result.dataset, plan: result.plan }, null, 2)}\n`
      : `${planText(result)}\n`,
  )
}

export const planCommand = (): Command =>
  new Command('plan')
    .description('print examples, tokens, steps, parameters, memory and time of a job')
    .argument('<file>', 'manifest with one InstructionTuningJob')
    .option('--workspace <dir>', 'folder for what is made (default: .attune/<job> beside the file)')
    .addOption(mountOption())
    .option('--catalogue <dir>', 'folder of BaseModels, for spec.model.ref and selector')
    .addOption(
      new Option('-o, --output <format>', 'how to print').choices(['text', 'json']).default('text'),
    )
    .addHelpText('after', EXAMPLES)
    .action(plan)
