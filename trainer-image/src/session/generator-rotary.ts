/** Cosines and sines of the rotary position embedding (arXiv:2104.09864). */

/** @returns cos and sin of position · theta^(−2i/D), each (positions, D/2) */
export const rotaryTables = (positions: number, headDim: number, theta: number) => {
  const half = headDim / 2
  const frequencies = Float64Array.from({ length: half }, (_, i) => theta ** ((-2 * i) / headDim))
  const cos = new Float32Array(positions * half)
  const sin = new Float32Array(positions * half)
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < half; i++) {
      cos[position * half + i] = Math.cos(position * frequencies[i]!)
      sin[position * half + i] = Math.sin(position * frequencies[i]!)
    }
  }
  return { cos, sin }
}
