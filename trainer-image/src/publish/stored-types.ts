/** What the base model's tensors are stored as, which is what merged ones are cast to. */
import { openBoundedFile } from '../weights/bounded-file.ts'
import { readGgufHeader } from '../weights/gguf-header.ts'
import { findModelFiles } from '../weights/model-files.ts'
import { readSafetensorsHeader } from '../weights/safetensors-header.ts'
import type { SafetensorsType } from '../weights/write-safetensors.ts'

const ALIKE: Readonly<Record<string, SafetensorsType>> = { F32: 'F32', F16: 'F16', BF16: 'BF16' }

/** Quantized values were made from halves, and float16 holds their products of scale and step best. */
const typeFor = (stored: string): SafetensorsType => ALIKE[stored] ?? 'F16'

export type StoredTypes = {
  /** of most of the model's bytes */
  readonly main: SafetensorsType
  of(name: string): SafetensorsType
}

type Tensor = { readonly name: string; readonly type: string; readonly byteLength: number }

const tensorsOf = async (paths: readonly string[]): Promise<readonly Tensor[]> => {
  const found: Tensor[] = []
  for (const path of paths) {
    const file = await openBoundedFile(path)
    try {
      const { entries } = await readSafetensorsHeader(file)
      for (const { name, dtype, byteLength } of entries.values())
        found.push({ name, type: dtype, byteLength })
    } finally {
      await file.close()
    }
  }
  return found
}

const mainType = (tensors: Iterable<Omit<Tensor, 'name'>>): SafetensorsType => {
  const bytes = new Map<SafetensorsType, number>()
  for (const { type, byteLength } of tensors)
    bytes.set(typeFor(type), (bytes.get(typeFor(type)) ?? 0) + byteLength)
  return [...bytes].reduce((most, each) => (each[1] > most[1] ? each : most), ['F32', -1])[0]
}

/** A GGUF keeps vectors in float32 whatever the model was in: there all tensors get the matrices' type. */
export const storedTypes = async (modelFolder: string): Promise<StoredTypes> => {
  const files = await findModelFiles(modelFolder)
  if (files.format === 'gguf') {
    const main = mainType(readGgufHeader(files.path).tensors.values())
    return { main, of: () => main }
  }
  const tensors = await tensorsOf(files.paths)
  const types = new Map(tensors.map(({ name, type }) => [name, typeFor(type)]))
  const main = mainType(tensors)
  return { main, of: name => types.get(name) ?? main }
}
