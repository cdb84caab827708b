/** What of a selector's requirements a model does not meet, one sentence each. */
import type { BaseModelSpec } from '../base-model-spec.ts'
import { parseCount } from '../spec/scaled-count.ts'
import type { ModelSelector } from '../spec/selector.ts'
import { unsupportedArchitecture } from '../supported-architectures.ts'
import { benchmark } from './catalogue.ts'

type Requirements = NonNullable<ModelSelector['require']>
type Check = (spec: BaseModelSpec, wanted: Requirements) => readonly string[]

const oneOf = (what: string, value: string | undefined, allowed: readonly string[] | undefined) => {
  if (!allowed || (value !== undefined && allowed.includes(value))) return []
  return [`${what} ${value ?? 'not published'}, needs ${allowed.join(' or ')}`]
}

const supported: Check = ({ architecture }) => {
  const problem = unsupportedArchitecture(architecture)
  return problem ? [problem] : []
}

const parameters: Check = (spec, { maxParameters: most }) =>
  most === undefined || parseCount(spec.parameters) <= parseCount(most)
    ? []
    : [`parameters ${spec.parameters}, needs at most ${most}`]

const contextLength: Check = (spec, { minContextLength: least = 0 }) =>
  (spec.contextLength ?? 0) >= least
    ? []
    : [`contextLength ${spec.contextLength ?? 'not published'}, needs ${least}`]

const languages: Check = (spec, wanted) => {
  const missing = (wanted.languages ?? []).filter(language => !spec.languages?.includes(language))
  return missing.length > 0 ? [`languages without ${missing.join(', ')}`] : []
}

const benchmarks: Check = (spec, { minBenchmarks = {} }) =>
  Object.entries(minBenchmarks).flatMap(([name, least]) => {
    const figure = benchmark(spec, name)
    if (figure !== undefined && figure >= least) return []
    return [`benchmark ${name} ${figure ?? 'not published'}, needs ${least}`]
  })

const tuned: Check = (spec, wanted) => {
  if (wanted.tuned === undefined || wanted.tuned === (spec.tuned ?? false)) return []
  return [wanted.tuned ? 'not tuned to follow instructions' : 'tuned to follow instructions']
}

const CHECKS: readonly Check[] = [
  supported,
  parameters,
  contextLength,
  (spec, wanted) => oneOf('license', spec.license, wanted.licenses),
  languages,
  (spec, wanted) => oneOf('architecture', spec.architecture, wanted.architectures),
  benchmarks,
  tuned,
]

/** @returns what it misses, with its figure and the one that is needed; empty where it fits */
export const misses = (spec: BaseModelSpec, wanted: Requirements = {}): readonly string[] =>
  CHECKS.flatMap(check => check(spec, wanted))
