/** What Train starts from, as Prepare has fetched it. */
import { join } from 'node:path'
import type { StageSpec } from '@attune/crds/resolved-spec.ts'
import { START_FOLDER } from '../data/fetch-sources.ts'
import type { AdapterTensors } from '../model/adapter.ts'
import { adapterConfigOf, tuningMethodOf } from '../model/adapter-config.ts'
import type { ModelConfig } from '../model/config.ts'
import { startingParameters } from '../model/start-from.ts'
import { checkMethod } from '../model/trainable.ts'
import { readAdapter } from '../publish/peft-adapter.ts'

/** @returns parameters to go on from, undefined for a fresh start; throws where the method does not fit the model */
export const openTuningStart = async (
  config: ModelConfig,
  { method }: Pick<StageSpec, 'method'>,
  prepareFolder: string,
): Promise<AdapterTensors | undefined> => {
  checkMethod(config, tuningMethodOf(method))
  if (!method.lora.startFrom) return undefined
  const adapter = await readAdapter(join(prepareFolder, START_FOLDER))
  return startingParameters(config, adapterConfigOf(method), adapter)
}
