/**
 * Runs that write into the caller's memory only. ONNX Runtime's binding for Node copies every output of a run for
 * JavaScript, those too that it wrote in place: gradients, moments, or at each token the whole key-value cache. It
 * converts them in the order of the graph's outputs and gives up at the first that is no tensor (OrtValueToNapiValue,
 * js/node/src/tensor_helper.cc of 1.30). So such a graph's first output is none, and the giving up is the run's end.
 */
import type { InferenceSession, Tensor } from 'onnxruntime-node'
import type { GraphBuilder } from '../graph/build.ts'

const NO_TENSOR = 'no_tensor'
const REFUSAL = 'Non tensor type'

/** Makes the graph one for `runInPlace`; to be called before any output is declared. */
export const writesInPlace = (g: GraphBuilder): void => {
  const [empty] = g.node({
    operator: 'SequenceEmpty',
    inputs: [],
    outputs: [{ type: 'float32', shape: [], isSequence: true }],
  })
  g.output(NO_TENSOR, empty!)
}

/** @param into memory of each output that is wanted; may be that of a feed */
export const runInPlace = async (
  session: Pick<InferenceSession, 'run'>,
  feeds: Readonly<Record<string, Tensor>>,
  into: Readonly<Record<string, Tensor>>,
): Promise<void> => {
  try {
    // a binding that gives sequences back makes copies, which nobody reads
    await session.run(feeds, { [NO_TENSOR]: null, ...into })
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith(REFUSAL))) throw error
  }
}
