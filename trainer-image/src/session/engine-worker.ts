/** The engine's thread: `run` of ONNX Runtime blocks its event loop, so nothing else may live here. */
import { parentPort, workerData } from 'node:worker_threads'
import { Engine } from './engine.ts'
import type { EngineReply, EngineRequest, EngineStart } from './engine-messages.ts'

let made: Engine | undefined
/** Once there are weights, of which the first command can be sure. */
const engineOf = (): Engine => {
  made ??= new Engine(workerData as EngineStart)
  return made
}

const carryOut = async (request: EngineRequest): Promise<unknown> => {
  if (request.kind === 'close') return made?.close()
  const engine = engineOf()
  switch (request.kind) {
    case 'open':
      return engine.open(request.session)
    case 'accumulate':
      return engine.accumulate(request.batch, request.threads)
    case 'evaluate':
      return engine.evaluate(request.batch, request.threads)
    case 'update':
      return engine.update(request.options)
  }
}

const answer = async (request: EngineRequest): Promise<EngineReply> => {
  try {
    return { id: request.id, result: await carryOut(request) }
  } catch (error) {
    return { id: request.id, error: error instanceof Error ? error.message : String(error) }
  }
}

// One at a time comes in: who asks waits for each answer (replica-threads.ts).
parentPort?.on('message', async (request: EngineRequest) => {
  parentPort?.postMessage(await answer(request))
  if (request.kind === 'close') parentPort?.close()
})
