import t from 'tap'
import { failedRun } from '../../../trainer-image/src/report-outcome.ts'
import { wantOfMemory } from '../../../trainer-image/src/out-of-memory.ts'
import { failureOf } from '../../../trainer-image/src/stage-failure.ts'
import { publishFailed, StageStopped } from '../../../trainer-image/src/stage-error.ts'

const CUDA_CALL =
  '/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_call.cc:121 std::conditional_t<THRW, void, onnxruntime::common::Status> onnxruntime::CudaCall(ERRTYPE, const char*, const char*, ERRTYPE, const char*, const char*, int) [with ERRTYPE = cublasStatus_t; bool THRW = true]'
const ARENA =
  '/onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:376 void* onnxruntime::BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream*, bool, onnxruntime::WaitNotificationFn)'

/** As ONNX Runtime, CUDA, C++ and V8 say it; each with where the shown words begin. */
const OUT_OF_MEMORY: Readonly<Record<string, string>> = {
  [`training engine: Non-zero status code returned while running MatMul node. Name:'loss' Status Message: ${ARENA} Failed to allocate memory for requested buffer of size 2830172160`]:
    'Failed to allocate memory for requested buffer of size 2830172160',
  [`Non-zero status code returned while running Mul node. Name:'m' Status Message: ${ARENA} Available memory of 0 is smaller than requested bytes of 2048`]:
    'Available memory of 0 is smaller than requested bytes of 2048',
  [`${CUDA_CALL} CUDA failure 2: out of memory ; GPU=0 ; hostname=home-1-train-x ; file=/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_allocator.cc ; line=47 ; expr=cudaMalloc((void**)&p, size);`]:
    'CUDA failure 2: out of memory ; GPU=0 ; hostname=home-1-train-x ;',
  [`Exception during initialization: ${CUDA_CALL} CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0 ; expr=cublasCreate(&cublas_handle_);`]:
    'CUBLAS_STATUS_ALLOC_FAILED ; GPU=0 ;',
  'CUDNN failure 4: CUDNN_STATUS_ALLOC_FAILED ; GPU=0': 'CUDNN_STATUS_ALLOC_FAILED ; GPU=0',
  'CUDA out of memory. Tried to allocate 1.12 MiB': 'CUDA out of memory.',
  'Exception during initialization: std::bad_alloc': 'std::bad_alloc',
  'bad allocation': 'bad allocation',
  'Array buffer allocation failed': 'Array buffer allocation failed',
  'Worker terminated due to reaching memory limit: JS heap out of memory':
    'Worker terminated due to reaching memory limit',
}

const OTHERS = [
  '',
  'CUDA failure 100: no CUDA-capable device is detected ; GPU=0',
  'CUBLAS failure 13: CUBLAS_STATUS_EXECUTION_FAILED ; GPU=0',
  'CUBLAS failure 1: CUBLAS_STATUS_NOT_INITIALIZED ; expr=cublasCreate(&cublas_handle_);',
  `Load model failed: ${ARENA}`,
  "ENOSPC: no space left on device, write '/workspace/x'",
  'a memory of bad allocations',
]

t.test('a want of memory is known by its words', async t => {
  for (const [message, shown] of Object.entries(OUT_OF_MEMORY))
    t.ok(wantOfMemory(message)?.startsWith(shown), `${wantOfMemory(message)}`)
  for (const message of OTHERS) t.equal(wantOfMemory(message), undefined, message)
})

t.test('it ends a stage with a reason, a code that is retried and what to do', async t => {
  for (const message of Object.keys(OUT_OF_MEMORY)) {
    const { result, exitCode } = failedRun('train', new Error(message))
    t.equal(exitCode, 79)
    t.match(result, { outcome: 'Failed', reason: 'OutOfMemory' })
    t.match(result.message, /^memory of .* ran out \(.*; lower training\.microBatchSize .* memory$/)
    t.notMatch(result.message, /onnxruntime_src\/onnxruntime\/core\/framework/, 'no source path')
  }
})

t.test('however long the words are, what to do is told', async t => {
  const message = `std::bad_alloc ${'x'.repeat(5000)}`
  t.match(failureOf(new Error(message)).message, /give it more memory$/)
})

t.test('what names its own reason keeps it', async t => {
  const words = 'std::bad_alloc'
  t.match(failureOf(publishFailed(words)), { reason: 'PublishFailed', exitCode: 1 })
  t.match(failureOf(new StageStopped(words)), { outcome: 'Stopped', exitCode: 75 })
  t.match(failureOf(new Error('no space')), { reason: 'StageFailed', exitCode: 1 })
})
