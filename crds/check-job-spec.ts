/** Whether the API server would take a spec of a job; for specs that stand in no manifest. */
import { ruleProblems } from './check-rules.ts'
import { compileSchema, schemaProblems } from './check-schema.ts'
import { fillDefaults } from './defaults.ts'
import { InstructionTuningJobSpecSchema } from './instruction-tuning-job-spec.ts'
import { formatPath, schemaNode } from './schema-node.ts'

const SPEC = schemaNode(InstructionTuningJobSpecSchema)
const validate = compileSchema(SPEC)

/** @returns the first thing that is wrong, with its field; undefined where nothing is */
export const jobSpecProblem = (spec: unknown): string | undefined => {
  const filled = fillDefaults(spec, SPEC)
  const [problem] = [
    ...schemaProblems(validate, filled),
    // a rule is asked only of what fits the schema
    ...(validate(filled) ? ruleProblems(filled, SPEC, 'cluster') : []),
  ]
  return problem && `${formatPath(['spec', ...problem.path])} ${problem.message}`
}
