/** config.json as Python writes it: 30.0 where JavaScript says 30, as transformers 5 takes no whole number for a cap. */
import type { JsonObject } from '../../weights/read-json.ts'

/** keys whose values are floats in the configurations of transformers */
const FLOATS = [
  'attn_logit_softcapping',
  'factor',
  'final_logit_softcapping',
  'high_freq_factor',
  'low_freq_factor',
  'partial_rotary_factor',
  'rms_norm_eps',
  'rope_local_base_freq',
  'rope_theta',
]
const WHOLE = new RegExp(`^(\\s*"(?:${FLOATS.join('|')})": \\d+)(?=,?$)`, 'gm')

export const configText = (config: JsonObject): string =>
  `${JSON.stringify(config, null, 2).replace(WHOLE, '$1.0')}\n`
