/**
 * Answers of the base and the tuned model. An adapter that adds to linear layers alone is switched on and off in one
 * session. Whatever else was trained makes other weights: the two models are then opened one at a time.
 */
import type { ModelConfig, Weights } from '../model/config.ts'
import { type Trained, tunedWeights } from '../model/tuned-weights.ts'
import { weightOfWhole } from '../model/adapter.ts'
import { createGenerator, type GenerateOptions, type Generator } from './generator.ts'

export type TunedGeneratorOptions = {
  readonly config: ModelConfig
  /** of the base; read until the generator is closed, which closes them not */
  readonly weights: Weights
  readonly trained: Trained
  readonly scratchFolder: string
  readonly threads: number
}

const NO_ADAPTER = { adapterConfig: { rank: 1, alpha: 1, targetModules: [] }, adapter: new Map() }

/** Whether W + s·B·A is all that differs. */
const isSwitchable = (
  trained: Trained,
): trained is Extract<Trained, { readonly type: 'Adapter' }> =>
  trained.type === 'Adapter' &&
  trained.config.variant !== 'DoRA' &&
  [...trained.tensors.keys()].every(name => weightOfWhole(name) === undefined)

type Model = GenerateOptions['model']

export const createTunedGenerator = async (options: TunedGeneratorOptions): Promise<Generator> => {
  const { trained, weights, ...rest } = options
  if (isSwitchable(trained)) {
    const { config: adapterConfig, tensors: adapter } = trained
    return createGenerator({ ...rest, weights, adapterConfig, adapter })
  }
  const weightsOf = { base: weights, tuned: tunedWeights(weights, trained) }
  const open = (model: Model) =>
    createGenerator({ ...rest, weights: weightsOf[model], ...NO_ADAPTER })
  let current: { readonly model: Model; readonly generator: Generator } | undefined
  const close = async () => {
    await current?.generator.close()
    current = undefined
  }
  return {
    generate: async (prompts, request) => {
      if (current?.model !== request.model) {
        await close()
        current = { model: request.model, generator: await open(request.model) }
      }
      return current.generator.generate(prompts, request)
    },
    close,
  }
}
