/** What of a job a policy does not allow, in the words of the API server's own refusal. */
import { isAllowedUri } from '@attune/crds/allowed-uri.ts'
import { POD_TEMPLATE_FIELDS, type PodTemplateField } from '@attune/crds/pod-template-fields.ts'
import { QUEUE_LABEL } from '@attune/crds/queue-labels.ts'
import type {
  ResolvedDataset,
  ResolvedInstructionDatasetSpec,
  ResolvedSpec,
} from '@attune/crds/resolved-spec.ts'
import { POLICY_KIND } from '@attune/crds/tuning-policy.ts'
import { LIST_SHOWN_MAX, URI_SHOWN_MAX } from '@attune/crds/tuning-policy-admission.ts'
import type { TuningPolicySpec } from '@attune/crds/tuning-policy-spec.ts'
import type { TuningPolicy } from './kinds.ts'

/** What the job asks for, and what the policy allows; undefined where the job keeps to the limit. */
type Broken = readonly [asked: string, allowed: string] | undefined
type Limit = (spec: ResolvedSpec, policy: TuningPolicySpec) => Broken

/** By characters, as CEL counts them. */
const cut = (text: string, length: number): string => {
  const characters = [...text]
  return characters.length > length ? `${characters.slice(0, length).join('')}…` : text
}
const onlyOf = (entries: readonly string[]) =>
  `allows only [${cut(entries.join(', '), LIST_SHOWN_MAX)}]`

const sourceLimit = (
  uris: readonly string[],
  entries: readonly string[] | undefined,
  asked: string,
): Broken => {
  const refused = entries && uris.find(uri => !isAllowedUri(uri, entries))
  return refused === undefined
    ? undefined
    : [`${asked} ${cut(refused, URI_SHOWN_MAX)}`, onlyOf(entries ?? [])]
}

const atMost = (field: string, value: number, limit: number | undefined): Broken =>
  limit === undefined || value <= limit
    ? undefined
    : [`${field} is ${value}`, `allows at most ${limit}`]

/** Of the examples and of those held out. */
export const datasetUris = ({
  sources = [],
  validation,
}: Pick<ResolvedDataset, 'sources' | 'validation'>): readonly string[] =>
  [...sources, ...(validation.sources ?? [])].map(({ uri }) => uri)

type PodFields = Partial<Readonly<Record<PodTemplateField, unknown>>>

/** @param at field below `spec` that holds what the pods get */
const podFieldsLimit = (
  at: string,
  fields: PodFields,
  { allowedPodTemplateFields: allowed }: TuningPolicySpec,
): Broken => {
  const field = POD_TEMPLATE_FIELDS.find(
    name => allowed && fields[name] !== undefined && !allowed.includes(name),
  )
  return field && [`spec.${at}.${field} is set`, onlyOf(allowed ?? [])]
}

/** The stages on an accelerator are placed by fields of their own. */
const acceleratorPodLimit = (
  { accelerator }: ResolvedSpec['resources'],
  policy: TuningPolicySpec,
): Broken => {
  const { nodeSelector, tolerations } = accelerator ?? {}
  return podFieldsLimit('resources.accelerator', { nodeSelector, tolerations }, policy)
}

const queueOf = (spec: object & { readonly queueName?: string }) => spec.queueName

const LIMITS: Readonly<Record<Exclude<keyof TuningPolicySpec, 'namespaceSelector'>, Limit>> = {
  maxAcceleratorsPerJob: ({ resources: { accelerator } }, { maxAcceleratorsPerJob }) =>
    atMost(
      'spec.resources.accelerator.count',
      accelerator ? (accelerator.count ?? 1) : 0,
      maxAcceleratorsPerJob,
    ),
  allowedModelSources: ({ model, method }, { allowedModelSources }) =>
    sourceLimit(
      model.source ? [model.source.uri] : [],
      allowedModelSources,
      model.ref || model.selector ? 'the BaseModel has the source' : 'spec.model.source.uri is',
    ) ??
    sourceLimit(
      method.lora.startFrom ? [method.lora.startFrom.uri] : [],
      allowedModelSources,
      'spec.method.lora.startFrom.uri is',
    ),
  allowedDatasetSources: (spec, { allowedDatasetSources }) =>
    sourceLimit(datasetUris(spec.dataset), allowedDatasetSources, 'spec.dataset has the source'),
  allowedOutputs: ({ output }, { allowedOutputs }) =>
    sourceLimit([output.uri], allowedOutputs, 'spec.output.uri is'),
  requireQueue: (spec, { requireQueue }) =>
    requireQueue && !queueOf(spec) ? ['spec.queueName is missing', 'requires a queue'] : undefined,
  allowedMethods: ({ method }, { allowedMethods }) =>
    !allowedMethods || allowedMethods.includes(method.type)
      ? undefined
      : [`spec.method.type is ${method.type}`, onlyOf(allowedMethods)],
  maxSequenceLength: ({ training }, { maxSequenceLength }) =>
    atMost('spec.training.sequenceLength', training.sequenceLength, maxSequenceLength),
  allowedPodTemplateFields: ({ podTemplate, resources }, policy) =>
    podFieldsLimit('podTemplate', podTemplate, policy) ?? acceleratorPodLimit(resources, policy),
}

const sentences = <Spec>(
  limits: Readonly<Record<string, (spec: Spec, policy: TuningPolicySpec) => Broken>>,
  spec: Spec,
  { metadata, spec: policy }: TuningPolicy,
): readonly string[] =>
  Object.entries(limits).flatMap(([field, limit]) => {
    const broken = policy && limit(spec, policy)
    if (!broken) return []
    const [asked, allowed] = broken
    return [`${asked}, and ${POLICY_KIND} ${metadata.name} ${allowed} (${field})`]
  })

/** @returns one sentence a limit that does not hold, with the policy's name, the value and the limit */
export const violations = (spec: ResolvedSpec, policy: TuningPolicy): readonly string[] =>
  sentences(LIMITS, spec, policy)

/** @param queueName of the label by which Kueue takes it into a queue */
type AskedOfDataset = ResolvedInstructionDatasetSpec & { readonly queueName?: string | undefined }

const DATASET_LIMITS = {
  allowedDatasetSources: (spec, { allowedDatasetSources }) =>
    sourceLimit(datasetUris(spec), allowedDatasetSources, 'spec has the source'),
  requireQueue: ({ queueName }, { requireQueue }) =>
    requireQueue && !queueName
      ? [`the label ${QUEUE_LABEL} is missing`, 'requires a queue']
      : undefined,
  allowedPodTemplateFields: ({ podTemplate }, policy) =>
    podFieldsLimit('podTemplate', podTemplate, policy),
} satisfies Readonly<Record<string, (asked: AskedOfDataset, policy: TuningPolicySpec) => Broken>>

type ContentOfJob = { readonly dataset: string; readonly sources: readonly string[] }

const CONTENT_LIMITS = {
  allowedDatasetSources: ({ dataset, sources }, { allowedDatasetSources }) =>
    sourceLimit(sources, allowedDatasetSources, `InstructionDataset ${dataset} has the source`),
} satisfies Readonly<Record<string, (content: ContentOfJob, policy: TuningPolicySpec) => Broken>>

/** The same of what a job gets from the InstructionDataset that it refers to. */
export const contentViolations = (content: ContentOfJob, policy: TuningPolicy): readonly string[] =>
  sentences(CONTENT_LIMITS, content, policy)

/** The same of a dataset: what it brings to the jobs that refer to it. */
export const datasetViolations = (asked: AskedOfDataset, policy: TuningPolicy): readonly string[] =>
  sentences(DATASET_LIMITS, asked, policy)
