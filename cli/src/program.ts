/** The `attune` command: its subcommands, and how any failure ends. */
import { printable } from '@attune/crds/printable.ts'
import { StageError } from '@attune/trainer/stage-error.ts'
import { Command } from 'commander'
import manifest from '../package.json' with { type: 'json' }
import { CliError } from './cli-error.ts'
import { diffCommand } from './commands/diff.ts'
import { planCommand } from './commands/plan.ts'
import { runCommand } from './commands/run.ts'
import { usageCommand } from './commands/usage.ts'
import { validateCommand } from './commands/validate.ts'

const EXAMPLES = `
Examples:
  attune validate job.yaml
  attune plan job.yaml
  attune run job.yaml
  attune diff out/run-1 out/run-2
  attune usage -A`

export const createProgram = (): Command =>
  new Command('attune')
    .description('Instruction tuning: the job that a cluster runs, on this machine.')
    .version(manifest.version)
    .addHelpText('after', EXAMPLES)
    .addCommand(validateCommand())
    .addCommand(planCommand())
    .addCommand(runCommand())
    .addCommand(diffCommand())
    .addCommand(usageCommand())

/** A terminal or a pipe that is gone must not end a command that still has a stage to save. */
const outliveReaders = () => {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
}

/** Sets the exit code; only what nobody foresaw keeps its stack trace. */
export const main = async (argv: readonly string[]): Promise<void> => {
  outliveReaders()
  try {
    await createProgram().parseAsync([...argv])
  } catch (error) {
    if (!(error instanceof CliError || error instanceof StageError)) throw error
    process.stderr.write(`${printable(error.message)}\n`)
    process.exitCode = error.exitCode
  }
}
