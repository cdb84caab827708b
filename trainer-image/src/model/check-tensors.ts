/** Are the tensors that the configuration implies there, with the shapes that it implies, and no others? */
import { modelMalformed, modelUnsupported } from '../stage-error.ts'
import type { ModelConfig, Weights } from './config.ts'
import { weightShapes } from './linear-layers.ts'

/** @returns every tensor of the model with its shape; `lm_head.weight` only where it is not tied */
export const expectedTensors = (config: ModelConfig): ReadonlyMap<string, readonly number[]> =>
  new Map(weightShapes(config).map(({ name, shape }) => [name, shape]))

export const checkTensors = (config: ModelConfig, weights: Weights): void => {
  const expected = expectedTensors(config)
  const present = new Set(weights.names)
  for (const [name, shape] of expected) {
    if (!present.has(name))
      throw modelMalformed(
        `the model has no tensor "${name}", which its configuration implies ([${shape}]); fetch or export it again`,
      )
    const found = weights.shape(name)
    if (found.length !== shape.length || found.some((size, axis) => size !== shape[axis]))
      throw modelMalformed(
        `tensor "${name}" is [${found}], but the configuration implies [${shape}]; fetch or export the model again`,
      )
  }
  const surplus = weights.names.find(name => !expected.has(name) && !canBeIgnored(name))
  if (surplus)
    throw modelUnsupported(
      `tensor "${surplus}" has no place in a ${config.architecture} model of this configuration; choose a model without it`,
    )
}

/** A tied head may be stored all the same; old exports hold RoPE's frequencies, which follow from its base. */
const canBeIgnored = (name: string) =>
  name === 'lm_head.weight' || name.endsWith('.rotary_emb.inv_freq')
