import process from 'node:process'

/** Tells what the harness waits for. Standard output belongs to TAP. */
export const say = (message: string): void => {
  process.stderr.write(`cluster: ${message}\n`)
}
