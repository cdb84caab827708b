/** Shows progress: a bar that is redrawn in a terminal, a line every few seconds elsewhere. */
import { printable } from '@attune/crds/printable.ts'
import type { Progress } from '@attune/crds/stage.ts'
import { barLine, plainLine } from './progress-text.ts'

const PLAIN_INTERVAL_MS = 5000
const CLEAR_LINE = '\r\u001b[2K'

export type ProgressView = {
  readonly update: (progress: Progress) => void
  /** A line that stays; the bar goes on below it. */
  readonly say: (line: string) => void
}

type Output = Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'columns'>

const terminalView = (output: Output): ProgressView => ({
  update: progress =>
    output.write(`${CLEAR_LINE}${printable(barLine(progress, output.columns || 80))}`),
  say: line => output.write(`${CLEAR_LINE}${printable(line)}\n`),
})

const plainView = (output: Output, now: () => number): ProgressView => {
  let shownAt = Number.NEGATIVE_INFINITY
  let shown = ''
  return {
    update: progress => {
      // a count that moves is the same activity, another attempt is not
      const subject = `${progress.stage} ${progress.activity.replace(/\d+(?=\/\d| MiB)/g, '#')}`
      const due = now() - shownAt >= PLAIN_INTERVAL_MS
      if (subject === shown && !due) return
      shownAt = now()
      shown = subject
      output.write(`${printable(plainLine(progress))}\n`)
    },
    say: line => output.write(`${printable(line)}\n`),
  }
}

export const createProgressView = (
  output: Output,
  now: () => number = () => performance.now(),
): ProgressView => (output.isTTY ? terminalView(output) : plainView(output, now))
