/** Several informers as one: they run together, and are there once each of them is. */
import type { Informer } from './informer.ts'

export type Part = Pick<Informer<never>, 'run' | 'hasSynced' | 'whenSynced'>

export const wholeCache = (parts: readonly Part[]) => ({
  run: (signal: AbortSignal) => Promise.all(parts.map(part => part.run(signal))),
  hasSynced: () => parts.every(part => part.hasSynced()),
  whenSynced: (signal: AbortSignal) => Promise.all(parts.map(part => part.whenSynced(signal))),
})
