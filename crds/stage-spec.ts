/** The spec as the stages of a run read it. */
import type { ResolvedSpec, StageSpec } from './resolved-spec.ts'

/** @throws TypeError where no source stands for the model yet */
export const stageSpec = (spec: ResolvedSpec): StageSpec => {
  const { source } = spec.model
  if (!source) throw new TypeError('spec.model has no source yet')
  return { ...spec, model: { source } }
}
