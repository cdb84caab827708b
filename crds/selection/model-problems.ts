/** Whether the catalogue has what a job takes from it. */
import type { FieldProblem } from '../field-problem.ts'
import type { InstructionTuningJobSpec } from '../instruction-tuning-job-spec.ts'
import type { CatalogueEntry } from './catalogue.ts'
import { resolveModel } from './resolve-model.ts'

/**
 * It must be there, and once: two entries of one name are told apart by nobody.
 * @returns paths begin below the `spec` of the job
 */
export const modelProblems = (
  { model }: Pick<InstructionTuningJobSpec, 'model'>,
  catalogue: readonly CatalogueEntry[],
): readonly FieldProblem[] => {
  const resolved = resolveModel(model, catalogue)
  if (resolved === undefined) return []
  const problem = (message: string): readonly FieldProblem[] => [
    {
      path: ['model', model.ref ? 'ref' : 'selector'],
      part: 'key',
      reason: 'FieldValueInvalid',
      message,
    },
  ]
  if (resolved.kind === 'unresolved') return problem(resolved.message)
  const same = catalogue.filter(({ name }) => name === resolved.baseModel)
  return same.length > 1
    ? problem(`BaseModel ${resolved.baseModel} stands twice in the catalogue`)
    : []
}
