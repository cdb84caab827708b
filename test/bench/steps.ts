/** Starts parties of training steps. */
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { compileCacheFolder } from '../../cli/src/compile-cache.ts'
import { ALLOCATOR_ENVIRONMENT } from '../../trainer-image/src/session/allocator-environment.ts'
import type { ModelConfig } from '../../trainer-image/src/model/config.ts'
import { type Party, startParty } from './party.ts'
import type { StepWork } from './step-work.ts'

export const THREADS = availableParallelism()

export const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** Says to processes that share a folder that the weights there are theirs. */
export const weightsDigest = (model: string, { layers }: ModelConfig): string =>
  `random-${model}-${layers}`

/** In the surroundings that the command line gives a stage. */
export const startSteps = (work: StepWork): Party =>
  startParty(process.execPath, [here('./step-work.ts'), JSON.stringify(work)], {
    ...ALLOCATOR_ENVIRONMENT,
    NODE_COMPILE_CACHE: compileCacheFolder(process.env),
  })
