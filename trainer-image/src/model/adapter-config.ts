/** From the method in the spec to the adapter's configuration. */
import { LORA_TARGETS } from '@attune/crds/instruction-tuning-job-spec.ts'
import type { ResolvedSpec } from '@attune/crds/resolved-spec.ts'
import type { AdapterConfig } from './adapter.ts'

/** `all-linear` stands for every linear layer but the output head, as in PEFT. */
export const adapterConfigOf = ({ lora }: ResolvedSpec['method']): AdapterConfig => ({
  rank: lora.rank,
  alpha: lora.alpha,
  targetModules: LORA_TARGETS.filter(
    name => lora.targetModules.includes('all-linear') || lora.targetModules.includes(name),
  ),
})
