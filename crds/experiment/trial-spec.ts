/** Spec of one trial's job. */
import type { ResolvedExperimentSpec, ResolvedSpec } from '../resolved-spec.ts'
import { rungsOf } from './rungs.ts'
import type { Assignment } from './search-space.ts'

type Fields = Readonly<Record<string, unknown>>

const withValue = (
  fields: Fields,
  [key = '', ...rest]: readonly string[],
  value: unknown,
): Fields => ({
  ...fields,
  [key]: rest.length > 0 ? withValue((fields[key] ?? {}) as Fields, rest, value) : value,
})

/** Below the template's output, where no other trial writes. */
export const trialOutput = ({ output }: Pick<ResolvedSpec, 'output'>, trial: number): string =>
  `${output.uri.replace(/\/+$/, '')}/trial-${trial}`

/** Whether it publishes of itself once it has trained up to that rung. */
export const publishesAt = (spec: ResolvedExperimentSpec, rung: number): boolean =>
  spec.publish === 'All' && rung === rungsOf(spec).length - 1

export const trialSpec = (
  spec: ResolvedExperimentSpec,
  trial: number,
  assignment: Assignment,
): Fields => {
  // its time to live begins with the end of the experiment: until then its checkpoints may be needed
  const { ttlSecondsAfterFinished: _, ...template } = spec.template
  const varied = Object.entries(assignment).reduce<Fields>(
    (fields, [path, value]) => withValue(fields, path.split('.'), value),
    template,
  )
  const [stop] = rungsOf(spec)
  const stopping =
    stop === undefined ? varied : withValue(varied, ['training', 'stopAfterSteps'], stop)
  const output = { uri: trialOutput(spec.template, trial) }
  return { ...stopping, output: publishesAt(spec, 0) ? output : { ...output, publish: false } }
}
