/** Where ONNX Runtime computes. The cuda image sets the variable; whatever else runs has CPU kernels only. */
export type Environment = Readonly<Record<string, string | undefined>>

const VARIABLE = 'ATTUNE_EXECUTION_PROVIDER'

export const usesCuda = (environment: Environment): boolean => environment[VARIABLE] === 'cuda'

/** @returns names for `SessionOptions.executionProviders`, the preferred first; the CPU takes operators that CUDA lacks */
export const executionProviders = (environment: Environment): string[] =>
  usesCuda(environment) ? ['cuda', 'cpu'] : ['cpu']
