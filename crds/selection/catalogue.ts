/** The catalogue as a selection reads it, and the criteria that it can weigh. */
import type { BaseModelSpec } from '../base-model-spec.ts'
import { parseCount } from '../spec/scaled-count.ts'
import { BENCHMARK_PREFIX, type CRITERIA } from '../spec/selector.ts'

/** A BaseModel by its name. */
export type CatalogueEntry = {
  readonly name: string
  readonly spec: BaseModelSpec
  /** why it cannot be used, where the operator has found that out */
  readonly problem?: string
  /** that its source named when the operator looked last */
  readonly commit?: string
}

type Figure = (spec: BaseModelSpec) => number | undefined

const FIGURES: Readonly<Record<(typeof CRITERIA)[number], Figure>> = {
  parameters: spec => parseCount(spec.parameters),
  contextLength: spec => spec.contextLength,
  pretrainingTokens: ({ pretraining }) =>
    pretraining?.tokens === undefined ? undefined : parseCount(pretraining.tokens),
  domainDiversity: ({ pretraining }) => pretraining?.domains && new Set(pretraining.domains).size,
  languages: ({ languages }) => languages && new Set(languages).size,
}

export const benchmark = ({ benchmarks }: BaseModelSpec, name: string): number | undefined =>
  benchmarks && Object.hasOwn(benchmarks, name) ? benchmarks[name] : undefined

/** @returns what the model publishes of that criterion; undefined where it publishes nothing */
export const figureOf = (spec: BaseModelSpec, criterion: string): number | undefined => {
  if (criterion.startsWith(BENCHMARK_PREFIX))
    return benchmark(spec, criterion.slice(BENCHMARK_PREFIX.length))
  return Object.hasOwn(FIGURES, criterion)
    ? FIGURES[criterion as (typeof CRITERIA)[number]](spec)
    : undefined
}
