/** The tuned model as a Hugging Face folder: merged in float32, cast once to what the base is stored in. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { modelUnsupported } from '../../stage-error.ts'
import { type SafetensorsType, writeSafetensors } from '../../weights/write-safetensors.ts'
import { type FolderWriter, type PublishedModel, publishedNames } from '../published-model.ts'
import { storedTypes } from '../stored-types.ts'
import { INDEX_FILE, indexOf, shardsOf } from './shards.ts'
import { textFiles } from './text-files.ts'

const LARGEST: Readonly<Record<SafetensorsType, number>> = {
  F32: Number.MAX_VALUE,
  F16: 65_504,
  BF16: 3.3895313892515355e38,
}

/** A value that became infinite in the cast would make every answer nonsense. */
const checked = (name: string, data: Float32Array, type: SafetensorsType): Float32Array => {
  const largest = LARGEST[type]
  for (const value of data)
    if (!(Math.abs(value) <= largest))
      throw modelUnsupported(
        `tensor "${name}" has the value ${value} after tuning, which ${type} cannot hold; lower training.learningRate or publish an Adapter`,
      )
  return data
}

export const mergedModel = async (
  model: PublishedModel,
  shardBytes?: number,
): Promise<FolderWriter> => {
  const { weights, modelFolder } = model
  const types = await storedTypes(modelFolder)
  const tensors = publishedNames(model).map(name => ({
    name,
    shape: weights.shape(name),
    dtype: types.of(name),
  }))
  const shards = shardsOf(tensors, shardBytes)
  const index = indexOf(shards)
  const texts = await textFiles(model, types.main)
  const names = [...texts.keys(), ...shards.map(({ file }) => file), ...(index ? [INDEX_FILE] : [])]
  const write = async (folder: string) => {
    for (const [name, text] of texts) await writeFile(join(folder, name), text)
    for (const shard of shards) {
      const toWrite = shard.tensors.map(({ name, shape, dtype }) => ({
        name,
        shape,
        dtype,
        read: async () => checked(name, await weights.read(name), dtype),
      }))
      await writeSafetensors(join(folder, shard.file), toWrite)
    }
    if (index) await writeFile(join(folder, INDEX_FILE), `${JSON.stringify(index, null, 2)}\n`)
  }
  return { files: names, write, ...(types.main === 'F32' ? {} : { storedAs: types.main }) }
}
