/** Whether the API server would take a spec of a job; for specs that stand in no manifest. */
import { type Mode, ruleProblems } from './check-rules.ts'
import { compileSchema, schemaProblems } from './check-schema.ts'
import { fillDefaults } from './defaults.ts'
import type { FieldProblem } from './field-problem.ts'
import { InstructionTuningJobSpecSchema } from './instruction-tuning-job-spec.ts'
import { schemaNode } from './schema-node.ts'
import { unknownFields } from './unknown-fields.ts'

const SPEC = schemaNode(InstructionTuningJobSpecSchema)

/** Compiled where a spec is first checked. */
let compiled: ReturnType<typeof compileSchema> | undefined
const validator = () => {
  compiled ??= compileSchema(SPEC)
  return compiled
}

/** @returns what is wrong; paths begin below `spec` */
export const jobSpecProblems = (spec: unknown, mode: Mode): readonly FieldProblem[] => {
  const filled = fillDefaults(spec, SPEC)
  const misfits = [...unknownFields(spec, SPEC), ...schemaProblems(validator(), filled)]
  // a rule is asked only of what fits the schema
  return misfits.length > 0 ? misfits : ruleProblems(filled, SPEC, mode)
}
