/** Whether an adapter can be gone on from: it has to be what the spec asks for, of this model. */
import { invalidSpec, modelMalformed } from '../stage-error.ts'
import { type AdapterConfig, type AdapterTensors, wholeName } from './adapter.ts'
import type { ModelConfig } from './config.ts'
import { parameterSlots } from './trainable.ts'

const FIELD = 'method.lora.startFrom'

const differing = (wanted: AdapterConfig, found: AdapterConfig): string | undefined => {
  const pairs = [
    ['rank', wanted.rank, found.rank],
    ['alpha', wanted.alpha, found.alpha],
    ['variant', wanted.variant ?? 'Standard', found.variant ?? 'Standard'],
  ] as const
  const odd = pairs.find(([, a, b]) => a !== b)
  return odd && `method.lora.${odd[0]} is ${odd[1]}, and the adapter has ${odd[2]}`
}

const some = (names: readonly string[]): string => {
  const shown = names.slice(0, 3).join(', ')
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown
}

/** What an embedding that is the output head too is saved as besides; it is the same tensor. */
const isHeadOfTied = (name: string, { tieWordEmbeddings }: ModelConfig): boolean =>
  tieWordEmbeddings && name === wholeName('lm_head.weight')

/** @returns the adapter's tensors; throws where they are not those that `method` trains in this model */
export const startingParameters = (
  config: ModelConfig,
  method: AdapterConfig,
  adapter: { readonly config: AdapterConfig; readonly tensors: AdapterTensors },
): AdapterTensors => {
  const problem = differing(method, adapter.config)
  if (problem) throw invalidSpec(`${FIELD}: ${problem}; set it to that of the adapter`)
  const slots = new Map(parameterSlots(config, method).map(slot => [slot.name, slot]))
  const missing = [...slots.keys()].filter(name => !adapter.tensors.has(name))
  const surplus = [...adapter.tensors.keys()].filter(
    name => !slots.has(name) && !isHeadOfTied(name, config),
  )
  if (missing.length > 0 || surplus.length > 0)
    throw invalidSpec(
      `${FIELD}: targetModules and modulesToSave must be those of the adapter; ${
        missing.length > 0 ? `it lacks ${some(missing)}` : `it also has ${some(surplus)}`
      }`,
    )
  for (const [name, { shape }] of slots) {
    const found = adapter.tensors.get(name)!.shape
    if (`${found}` !== `${shape}`)
      throw modelMalformed(
        `${FIELD}: tensor "${name}" is [${found}], but this model asks for [${shape}]; the adapter belongs to another model`,
      )
  }
  return adapter.tensors
}
