/** Linear layers with a bias, which is frozen. */
import type { Value } from '../graph/node.ts'
import { add } from '../graph/operators/elementwise.ts'
import type { ModelConfig } from './config.ts'
import type { Linears } from './lora.ts'

/** @returns `base` with `<path>.bias` added where the model has one */
export const biasedLinears = (
  { biases }: ModelConfig,
  weight: (name: string) => Value,
  base: Linears,
): Linears => {
  if (!biases?.length) return base
  const isBiased = (path: string) => biases.includes(path.slice(path.lastIndexOf('.') + 1))
  return (g, x, paths) =>
    base(g, x, paths).map((y, i) =>
      isBiased(paths[i]!) ? add(g, y, weight(`${paths[i]}.bias`)) : y,
    )
}
