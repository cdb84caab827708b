/** Fills in defaults as the API server does when it decodes an object (apiextensions-apiserver, schema/defaulting), and within lists too, where the CRD has none. */
import {
  type InstructionDatasetSpec,
  InstructionDatasetSpecSchema,
} from './instruction-dataset-spec.ts'
import {
  type InstructionTuningJobSpec,
  InstructionTuningJobSpecSchema,
} from './instruction-tuning-job-spec.ts'
import type {
  ResolvedExperimentSpec,
  ResolvedInstructionDatasetSpec,
  ResolvedSpec,
} from './resolved-spec.ts'
import { fieldSchema, isRecord, type SchemaNode, schemaNode } from './schema-node.ts'
import { type TuningExperimentSpec, TuningExperimentSpecSchema } from './tuning-experiment-spec.ts'

const withDefault = (value: unknown, node: SchemaNode): unknown =>
  (value === undefined || value === null) && node.default !== undefined
    ? structuredClone(node.default)
    : value

const filledObject = (value: Record<string, unknown>, node: SchemaNode) => {
  const properties = node.properties ?? {}
  const keys = [...new Set([...Object.keys(value), ...Object.keys(properties)])]
  const entries = keys.flatMap((key): [string, unknown][] => {
    const child = fieldSchema(node, key)
    const given = Object.hasOwn(value, key) ? value[key] : undefined
    if (!child) return given === undefined ? [] : [[key, given]]
    const filled = withDefault(given, child)
    // no field of ours is nullable: the server drops a null that has no default
    return filled === undefined || filled === null ? [] : [[key, fillDefaults(filled, child)]]
  })
  return Object.fromEntries(entries)
}

/** @returns a copy of the value with the schema's defaults; what does not fit the schema is left as it is */
export const fillDefaults = (value: unknown, node: SchemaNode): unknown => {
  if (isRecord(value)) return filledObject(value, node)
  const { items } = node
  if (Array.isArray(value) && items)
    return value.map(item => fillDefaults(withDefault(item, items), items))
  return value
}

const SPEC = schemaNode(InstructionTuningJobSpecSchema)

/** The spec with every default set; one that is complete comes back equal. */
export const resolveSpec = (spec: InstructionTuningJobSpec): ResolvedSpec =>
  fillDefaults(spec, SPEC) as ResolvedSpec

const DATASET_SPEC = schemaNode(InstructionDatasetSpecSchema)

export const resolveDatasetSpec = (spec: InstructionDatasetSpec): ResolvedInstructionDatasetSpec =>
  fillDefaults(spec, DATASET_SPEC) as ResolvedInstructionDatasetSpec

const EXPERIMENT_SPEC = schemaNode(TuningExperimentSpecSchema)

export const resolveExperimentSpec = (spec: TuningExperimentSpec): ResolvedExperimentSpec =>
  fillDefaults(spec, EXPERIMENT_SPEC) as ResolvedExperimentSpec
