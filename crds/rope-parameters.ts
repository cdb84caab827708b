/** RoPE's settings in a config.json: transformers 5 keeps them in rope_parameters, transformers 4 in rope_theta and rope_scaling. */

type Json = Readonly<Record<string, unknown>>

const isJson = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export type RopeParameters = {
  /** the key that they stand under, for messages */
  readonly key: 'rope_parameters' | 'rope_scaling'
  /** of layers that see all tokens before one's own, and of all others where those have no settings of their own */
  readonly full: Json
  /** of layers with a window (Gemma 3) */
  readonly sliding?: Json
}

export const ropeParametersOf = (json: Json): RopeParameters => {
  const [five, four] = [json['rope_parameters'], json['rope_scaling']]
  const own = isJson(five) ? five : {}
  const [full, sliding] = [own['full_attention'], own['sliding_attention']]
  const isByKind = isJson(full) || isJson(sliding)
  return {
    key: isJson(four) ? 'rope_scaling' : 'rope_parameters',
    full: {
      rope_theta: json['rope_theta'],
      ...(isByKind ? (isJson(full) ? full : {}) : own),
      ...(isJson(four) ? four : {}),
    },
    ...(isByKind ? { sliding: isJson(sliding) ? sliding : {} } : {}),
  }
}

/** @returns `default`, `linear`, … */
export const ropeTypeOf = (parameters: Json): unknown =>
  parameters['rope_type'] ?? parameters['type'] ?? 'default'
