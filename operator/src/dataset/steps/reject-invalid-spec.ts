/** A spec that can never work fails before anything is made. */
import { dataSources, sourcesProblem } from '../../job/spec-rules.ts'
import { failed } from '../say.ts'
import type { Step } from '../situation.ts'

export const rejectInvalidSpec: Step = ({ spec }) => {
  const problem = sourcesProblem(dataSources(spec, 'spec'), 'a dataset')
  return problem === undefined ? undefined : failed('InvalidSpec', problem)
}
