/** The shape of the model in a folder, from config.json or GGUF metadata, checked against the tensors that are there. */
import { join } from 'node:path'
import { modelMalformed } from '../stage-error.ts'
import { findModelFiles } from '../weights/model-files.ts'
import { openWeights } from '../weights/open-weights.ts'
import { readJsonObject } from '../weights/read-json.ts'
import { checkTensors } from './check-tensors.ts'
import type { ModelConfig } from './config.ts'
import { readGgufConfig } from './read-config-gguf.ts'
import { configFromJson } from './read-config-json.ts'

const MAX_CONFIG_BYTES = 4 * 1024 * 1024

export const readModelConfig = async (modelFolder: string): Promise<ModelConfig> => {
  const files = await findModelFiles(modelFolder)
  const config =
    files.format === 'gguf' ? await readGgufConfig(files.path) : await configFromFolder(modelFolder)
  const weights = await openWeights(modelFolder)
  try {
    checkTensors(config, weights)
  } finally {
    await weights.close()
  }
  return config
}

const configFromFolder = async (modelFolder: string): Promise<ModelConfig> => {
  const config = await readJsonObject(join(modelFolder, 'config.json'), MAX_CONFIG_BYTES)
  if (!config)
    throw modelMalformed('the model folder has no config.json; add the one of the base model')
  const generation = await readJsonObject(
    join(modelFolder, 'generation_config.json'),
    MAX_CONFIG_BYTES,
  )
  return configFromJson(config, generation ?? {})
}
