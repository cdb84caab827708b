/** The part of a structured logger that this folder calls; pino's has it. */
type Write = (fields: object, message: string) => void

export type Log = {
  readonly debug: Write
  readonly info: Write
  readonly warn: Write
  readonly error: Write
}

const nothing: Write = () => {}
export const silentLog: Log = Object.freeze({
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
})
