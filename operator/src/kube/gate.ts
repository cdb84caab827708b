/** Something that happens once and can be waited for. */

/** A promise that is kept by `open`, and can be waited for with a signal. */
export const createGate = () => {
  const opened = Promise.withResolvers<void>()
  let isOpen = false
  return {
    isOpen: () => isOpen,
    open: () => {
      isOpen = true
      opened.resolve()
    },
    wait: (signal?: AbortSignal) => {
      if (isOpen || !signal) return opened.promise
      const aborted = Promise.withResolvers<void>()
      const onAbort = () => aborted.reject(signal.reason)
      signal.addEventListener('abort', onAbort, { once: true })
      if (signal.aborted) onAbort()
      return Promise.race([opened.promise, aborted.promise]).finally(() =>
        signal.removeEventListener('abort', onAbort),
      )
    },
  }
}
