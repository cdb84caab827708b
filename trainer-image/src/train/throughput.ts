/** Tokens per second and time left, over a window of the last steps. */
const WINDOW = 20

export type StepTime = { readonly tokens: number; readonly seconds: number }

export type Throughput = ReturnType<typeof createThroughput>

export const createThroughput = () => {
  const window: StepTime[] = []
  return {
    add: (step: StepTime) => {
      window.push(step)
      if (window.length > WINDOW) window.shift()
    },
    tokensPerSecond: (): number => {
      const seconds = window.reduce((sum, step) => sum + step.seconds, 0)
      return seconds > 0 ? window.reduce((sum, step) => sum + step.tokens, 0) / seconds : 0
    },
    /** @returns seconds for so many more steps, at the window's mean */
    eta: (stepsLeft: number): number =>
      window.length === 0
        ? 0
        : (window.reduce((sum, step) => sum + step.seconds, 0) / window.length) * stepsLeft,
  }
}
