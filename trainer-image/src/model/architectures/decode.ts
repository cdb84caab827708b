/** The graph that generation runs. B slots, S new tokens each, V vocabulary. */
import type { GraphBuilder } from '../../graph/build.ts'
import { int } from '../../graph/node.ts'
import { fusedMatMul } from '../../graph/operators/matrix.ts'
import type { ModelConfig } from '../config.ts'
import { headWeightName } from '../linear-layers.ts'
import { decodingOps, type TensorLookup } from './decoding-ops.ts'
import { familyOf } from './family-of.ts'

/**
 * Builds the graph: `tokens` (B, S) padded on the right, `last_index` (B) flat index of each slot's last real token,
 * `adapter_scale`, and what cached-attention.ts declares → `next` (B) the most likely next token.
 */
export const decode = (g: GraphBuilder, config: ModelConfig, tensor: TensorLookup): void => {
  const ops = decodingOps(g, config, tensor, {
    tokens: g.input('tokens', 'int32', ['B', 'S']),
    lastIndex: g.input('last_index', 'int32', ['B']),
    adapterScale: g.input('adapter_scale', 'float32', [1]),
  })
  const hidden = familyOf(config).forward(ops)
  // A soft cap moves no logit past another, so the likeliest token needs none.
  const logits = fusedMatMul(g, hidden, ops.weight(headWeightName(config)), { transB: true })
  const [next] = g.node({
    operator: 'ArgMax',
    inputs: [logits],
    outputs: [{ type: 'int64', shape: ['B'] }],
    attributes: { axis: int(-1), keepdims: int(0) },
  })
  g.output('next', next!)
}
