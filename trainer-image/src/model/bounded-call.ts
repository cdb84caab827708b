/**
 * Calls that end. A tokenizer's regular expressions come with the model and run on the thread that answers probes and
 * signals; one that tries every way to split a text would hold that up for ever. What V8 runs as a script with a time
 * limit it breaks off, regular expressions included.
 */
import { createContext, Script } from 'node:vm'

export class CallTooSlow extends Error {
  override readonly name = 'CallTooSlow'
}

const context: { call: (() => unknown) | undefined } = { call: undefined }
createContext(context)
const script = new Script('call()')

const isTimeout = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException | undefined)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'

/** @returns what `call` returns; throws `CallTooSlow` after `limitMs`. Each call takes a thread that looks at the clock. */
export const boundedCall = <T>(call: () => T, limitMs: number): T => {
  context.call = call
  try {
    return script.runInContext(context, { timeout: limitMs }) as T
  } catch (error) {
    if (!isTimeout(error)) throw error
    throw new CallTooSlow(`it takes longer than ${limitMs / 1000} s`)
  } finally {
    context.call = undefined
  }
}
