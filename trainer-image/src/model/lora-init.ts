/** Initial values of an adapter, as PEFT draws them: A ~ U(±1/√in), B = 0. */
import { createHash } from 'node:crypto'
import type { AdapterConfig, AdapterTensors, Tensor } from './adapter.ts'
import type { ModelConfig } from './config.ts'
import { parameterSlots } from './lora.ts'
import { fillUniform, type PhiloxKey } from './random.ts'

/** A stream for each tensor: its values depend on seed and name, not on which other modules are adapted. */
const keyOf = (seed: number, name: string): PhiloxKey => {
  const digest = createHash('sha256').update(`${seed}\0${name}`).digest()
  return [digest.readUInt32LE(0), digest.readUInt32LE(4)]
}

export const initialAdapter = (
  config: ModelConfig,
  adapterConfig: AdapterConfig,
  seed: number,
): AdapterTensors =>
  new Map(
    parameterSlots(config, adapterConfig).map(({ name, shape, size }): [string, Tensor] => {
      const data = new Float32Array(size)
      // Row by row, so that a larger rank only adds rows.
      if (name.endsWith('.lora_A.weight'))
        fillUniform(data, 1 / Math.sqrt(shape[1]), keyOf(seed, name))
      return [name, { shape, data }]
    }),
  )
