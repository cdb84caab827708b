/** From the method in the spec to what is trained. */
import type { ResolvedSpec } from '@attune/crds/resolved-spec.ts'
import type { AdapterConfig, TuningMethod } from './adapter.ts'

export const adapterConfigOf = ({ lora }: ResolvedSpec['method']): AdapterConfig => {
  const { startFrom: _, ...config } = lora
  return config
}

export const tuningMethodOf = (method: ResolvedSpec['method']): TuningMethod =>
  method.type === 'Full' ? { type: 'Full' } : adapterConfigOf(method)
