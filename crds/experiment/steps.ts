/** Long work in steps: whoever has one thread alone can do something else between two of them. */

export type Steps<T> = Generator<undefined, T, undefined>

/** All of it at once. */
export const runSteps = <T>(steps: Steps<T>): T => {
  for (;;) {
    const next = steps.next()
    if (next.done) return next.value
  }
}
