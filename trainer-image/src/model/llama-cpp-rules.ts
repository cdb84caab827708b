/** What a GGUF does not say and llama.cpp takes for granted (src/models/*.cpp), by its names of the architectures. */

const GEMMA3_PATTERN = 6
const NO_ROPE_INTERVAL = 4

/** @returns whether a layer has the window of its model, where the file names no pattern */
export const hasWindow = (architecture: string, layer: number): boolean => {
  if (architecture === 'gemma2') return layer % 2 === 0
  return architecture !== 'gemma3' || (layer + 1) % GEMMA3_PATTERN !== 0
}

/** @returns layers whose queries and keys are not rotated */
export const layersWithoutRope = (architecture: string, layers: number): readonly number[] =>
  Array.from({ length: layers }, (_, layer) => layer).filter(
    layer => architecture === 'smollm3' && (layer + 1) % NO_ROPE_INTERVAL === 0,
  )

/** Layers of the models of 27 billion, which alone do not scale by the size of a head. */
const LAYERS_27B: Readonly<Record<string, number>> = { gemma2: 46, gemma3: 62 }

type Sizes = {
  readonly layers: number
  readonly heads: number
  readonly hiddenSize: number
  readonly headDim: number
}

/** @returns what Gemma's products of queries and keys are multiplied by */
export const gemmaAttentionScale = (architecture: string, sizes: Sizes): number =>
  (LAYERS_27B[architecture] === sizes.layers ? sizes.hiddenSize / sizes.heads : sizes.headDim) **
  -0.5

/** Base of RoPE in Gemma 3's layers with a window, where the file does not say it. */
export const GEMMA3_LOCAL_THETA = 10_000
