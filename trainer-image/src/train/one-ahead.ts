/** Makes the next value while the one before is in use; there is never more than one. */

export type OneAhead<T> = {
  /** the next value; what making it threw is thrown here, and not where it was made */
  readonly take: () => T
}

export const oneAhead = <T>(values: Iterator<T>): OneAhead<T> => {
  let ahead: (() => IteratorResult<T>) | undefined
  const make = (): (() => IteratorResult<T>) => {
    try {
      const made = values.next()
      return () => made
    } catch (error) {
      return () => {
        throw error
      }
    }
  }
  return {
    take: () => {
      const result = (ahead ?? make())()
      ahead = undefined
      if (result.done) throw new RangeError('there is no further value')
      // by then the engine's thread is at work on this one
      setImmediate(() => {
        ahead ??= make()
      })
      return result.value
    },
  }
}
