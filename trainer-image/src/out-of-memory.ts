/** Failures that are a want of memory: ONNX Runtime, CUDA and V8 tell them by their words alone. */

const ALLOCATION_FAILURES: readonly RegExp[] = [
  // the arenas of ONNX Runtime (core/framework/bfc_arena.cc), of a device and of the CPU
  /Failed to allocate memory for requested buffer of size/,
  /Available memory of \d+ is smaller than requested bytes of/,
  // CUDA and its libraries, as ONNX Runtime repeats them (core/providers/cuda/cuda_call.cc)
  /CUDA failure 2: out of memory/,
  /CUDA out of memory/i,
  /cudaErrorMemoryAllocation/,
  /(CUBLAS|CUDNN|CUSPARSE|CURAND|CUFFT)_(STATUS_)?ALLOC(ATION)?_FAILED/,
  // C++ on the CPU
  /std::bad_alloc/,
  /^bad allocation$/,
  // V8: a buffer, and the heap of a worker
  /Array buffer allocation failed/,
  /Worker terminated due to reaching memory limit/,
]

/** Of ONNX Runtime's words; the paths of its sources around them say nothing to a tenant. */
const SHOWN_CHARACTERS = 200

/** @returns the words that say so, from where they begin; undefined where the failure is another */
export const wantOfMemory = (message: string): string | undefined => {
  const found = ALLOCATION_FAILURES.flatMap(pattern => message.match(pattern)?.index ?? [])
  return found.length === 0
    ? undefined
    : message
        .slice(Math.min(...found))
        .slice(0, SHOWN_CHARACTERS)
        .trim()
}
