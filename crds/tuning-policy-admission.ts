/** What makes the API server refuse jobs that a `TuningPolicy` does not allow: a ValidatingAdmissionPolicy with our kind as its parameter. */
import { isAllowedUriInCel } from './allowed-uri.ts'
import { API_VERSION, GROUP, VERSION } from './api-group.ts'
import { JOB_POD_FIELDS, POD_FIELDS } from './pod-template-fields.ts'
import { QUEUE_LABEL } from './queue-labels.ts'
import { POLICY_KIND } from './tuning-policy.ts'

/** A refusal quotes a URI and a list of entries up to these lengths; the API server cuts a message at 5 kB. */
export const URI_SHOWN_MAX = 200
export const LIST_SHOWN_MAX = 1000

type Limit = {
  /** field of the policy's spec */
  readonly field: string
  /** CEL: true where the job keeps to it; asked only where the policy has the field */
  readonly holds: string
  /** CEL: what the job asks for, and what the policy allows */
  readonly asked: string
  readonly allowed: string
}

const NAMESPACE_LABELS = 'namespaceObject.metadata.labels'
const SELECTOR = 'params.spec.namespaceSelector'

const matchesLabels = `!has(${SELECTOR}.matchLabels) || ${SELECTOR}.matchLabels.all(key, key in ${NAMESPACE_LABELS} && ${NAMESPACE_LABELS}[key] == ${SELECTOR}.matchLabels[key])`
const matchesExpressions = `!has(${SELECTOR}.matchExpressions) || ${SELECTOR}.matchExpressions.all(e, e.operator == 'Exists' ? e.key in ${NAMESPACE_LABELS} : e.operator == 'DoesNotExist' ? !(e.key in ${NAMESPACE_LABELS}) : e.operator == 'In' ? e.key in ${NAMESPACE_LABELS} && ${NAMESPACE_LABELS}[e.key] in e.values : !(e.key in ${NAMESPACE_LABELS} && ${NAMESPACE_LABELS}[e.key] in e.values))`

/** Parts of a spec that no limit looks at may change in a job that breaks one: it can be suspended. */
const LIMITED = ['model', 'dataset', 'method', 'training', 'output', 'resources', 'podTemplate']
const queueOf = (object: string) =>
  `(has(${object}.spec.queueName) ? ${object}.spec.queueName : '')`
const unchanged = [
  ...LIMITED.map(part => `object.spec.${part} == oldObject.spec.${part}`),
  `${queueOf('object')} == ${queueOf('oldObject')}`,
].join(' && ')

const LIMITED_IN_DATASETS = ['sources', 'validation', 'podTemplate']
/** A dataset names its queue as other objects do that Kueue queues. */
const queueLabelOf = (object: string) =>
  `(has(${object}.metadata.labels) && '${QUEUE_LABEL}' in ${object}.metadata.labels ? ${object}.metadata.labels['${QUEUE_LABEL}'] : '')`
const datasetUnchanged = [
  ...LIMITED_IN_DATASETS.map(part => `object.spec.${part} == oldObject.spec.${part}`),
  `${queueLabelOf('object')} == ${queueLabelOf('oldObject')}`,
].join(' && ')

const urisOf = (sources: string, has: string) => `(${has} ? ${sources}.map(s, s.uri) : [])`

const refusedUris = (uris: string, field: string) =>
  `!has(params.spec.${field}) ? [] : ${uris}.filter(uri, !(${isAllowedUriInCel('uri', `params.spec.${field}`)}))`

/** Each part of a path may be absent but the first, which has a default. */
const isSetInCel = (path: string) => {
  const parts = path.split('.')
  return parts
    .slice(1)
    .map((_, i) => `has(object.spec.${parts.slice(0, i + 2).join('.')})`)
    .join(' && ')
}

/** @param paths of fields below `spec`, which a policy allows by their last names */
const fieldsNotAllowed = (paths: readonly string[]) =>
  `!has(params.spec.allowedPodTemplateFields) ? [] : ${paths
    .map(
      path =>
        `(${isSetInCel(path)} && !('${path.split('.').at(-1)}' in params.spec.allowedPodTemplateFields) ? ['${path}'] : [])`,
    )
    .join(' + ')}`
const selected = `!has(${SELECTOR}) || ((${matchesLabels}) && (${matchesExpressions}))`
const applies = 'variables.selected && !variables.unchanged'

type Variables = Readonly<Record<string, string>>

const VARIABLES: Variables = {
  selected,
  unchanged: `oldObject != null && ${unchanged}`,
  applies,
  accelerators:
    'has(object.spec.resources.accelerator) ? object.spec.resources.accelerator.count : 0',
  models: refusedUris(
    '(has(object.spec.model.source) ? [object.spec.model.source.uri] : [])',
    'allowedModelSources',
  ),
  // an adapter to go on from is part of a model
  adapters: refusedUris(
    '(has(object.spec.method.lora.startFrom) ? [object.spec.method.lora.startFrom.uri] : [])',
    'allowedModelSources',
  ),
  data: refusedUris(
    `(${urisOf('object.spec.dataset.sources', 'has(object.spec.dataset.sources)')} + ${urisOf('object.spec.dataset.validation.sources', 'has(object.spec.dataset.validation) && has(object.spec.dataset.validation.sources)')})`,
    'allowedDatasetSources',
  ),
  outputs: refusedUris('[object.spec.output.uri]', 'allowedOutputs'),
  podFields: fieldsNotAllowed(JOB_POD_FIELDS),
}

/** A dataset that jobs refer to must not bring what the jobs themselves may not name. */
const DATASET_VARIABLES: Variables = {
  selected,
  unchanged: `oldObject != null && ${datasetUnchanged}`,
  applies,
  data: refusedUris(
    `(object.spec.sources.map(s, s.uri) + ${urisOf('object.spec.validation.sources', 'has(object.spec.validation.sources)')})`,
    'allowedDatasetSources',
  ),
  podFields: fieldsNotAllowed(POD_FIELDS),
}

const cut = (text: string, length: number) =>
  `(size(${text}) > ${length} ? ${text}.substring(0, ${length}) + '…' : ${text})`
const onlyOf = (field: string) =>
  `' allows only [' + ${cut(`params.spec.${field}.join(', ')`, LIST_SHOWN_MAX)} + ']'`
const atMost = (field: string) => `' allows at most ' + string(params.spec.${field})`

/** @param at field that holds the dataset */
const dataSourcesLimit = (at: string): Limit => ({
  field: 'allowedDatasetSources',
  holds: 'size(variables.data) == 0',
  asked: `'${at} has the source ' + ${cut('variables.data[0]', URI_SHOWN_MAX)}`,
  allowed: onlyOf('allowedDatasetSources'),
})

const POD_TEMPLATE_LIMIT: Limit = {
  field: 'allowedPodTemplateFields',
  holds: 'size(variables.podFields) == 0',
  asked: "'spec.' + variables.podFields[0] + ' is set'",
  allowed: onlyOf('allowedPodTemplateFields'),
}

/** @param queue CEL: name of the queue, or '' */
const queueLimit = (queue: string, asked: string): Limit => ({
  field: 'requireQueue',
  holds: `!params.spec.requireQueue || ${queue} != ''`,
  asked: `'${asked} is missing'`,
  allowed: "' requires a queue'",
})

const DATASET_LIMITS: readonly Limit[] = [
  dataSourcesLimit('spec'),
  queueLimit(queueLabelOf('object'), `the label ${QUEUE_LABEL}`),
  POD_TEMPLATE_LIMIT,
]

const NO_MODEL_REFUSED = 'size(variables.models) == 0 && size(variables.adapters) == 0'
const MODEL_SHOWN = cut('variables.models[0]', URI_SHOWN_MAX)
/**
 * @param model what is said of a model that is refused
 * @param spec where the job's spec stands
 */
const askedOfModels = (model: string, spec = 'spec') =>
  `(size(variables.models) > 0 ? (${model}) : '${spec}.method.lora.startFrom.uri is ' + ${cut('variables.adapters[0]', URI_SHOWN_MAX)})`

const LIMITS: readonly Limit[] = [
  {
    field: 'maxAcceleratorsPerJob',
    holds: 'variables.accelerators <= params.spec.maxAcceleratorsPerJob',
    asked: "'spec.resources.accelerator.count is ' + string(variables.accelerators)",
    allowed: atMost('maxAcceleratorsPerJob'),
  },
  {
    field: 'allowedModelSources',
    holds: NO_MODEL_REFUSED,
    asked: askedOfModels(`'spec.model.source.uri is ' + ${MODEL_SHOWN}`),
    allowed: onlyOf('allowedModelSources'),
  },
  dataSourcesLimit('spec.dataset'),
  {
    field: 'allowedOutputs',
    holds: 'size(variables.outputs) == 0',
    asked: `'spec.output.uri is ' + ${cut('variables.outputs[0]', URI_SHOWN_MAX)}`,
    allowed: onlyOf('allowedOutputs'),
  },
  queueLimit(queueOf('object'), 'spec.queueName'),
  {
    field: 'allowedMethods',
    holds: 'object.spec.method.type in params.spec.allowedMethods',
    asked: "'spec.method.type is ' + object.spec.method.type",
    allowed: onlyOf('allowedMethods'),
  },
  {
    field: 'maxSequenceLength',
    holds: 'object.spec.training.sequenceLength <= params.spec.maxSequenceLength',
    asked: "'spec.training.sequenceLength is ' + string(object.spec.training.sequenceLength)",
    allowed: atMost('maxSequenceLength'),
  },
  POD_TEMPLATE_LIMIT,
]

/** The same question about what the trials of an experiment start from. */
const inTemplate = (cel: string): string =>
  cel.replaceAll('object.spec.', 'object.spec.template.').replaceAll("'spec.", "'spec.template.")

const isVaried = (path: string) => `object.spec.parameters.exists(p, p.path == '${path}')`
/** Values of any type, which the API server's schema for CEL leaves out; a range by its larger end. */
const valuesOf = (path: string) =>
  `(object.spec.parameters.filter(p, p.path == '${path}').map(p, has(p.range) ? [dyn(p.range.max)] : dyn(p).values) + [[]])[0]`
/** What trials have there: the values of a parameter stand in the place of the template's. */
const trialValues = (path: string, template: string) =>
  `(${isVaried(path)} ? dyn(${valuesOf(path)}) : dyn(${template}))`
const askedBy = (path: string, value: string) =>
  `(${isVaried(path)} ? 'spec.parameters: ' : 'spec.template.') + '${path} is ' + ${value}`

const LENGTH = 'training.sequenceLength'
const METHOD = 'method.type'
const SOURCE = 'model.source.uri'

const EXPERIMENT_VARIABLES: Variables = {
  ...Object.fromEntries(
    Object.entries(VARIABLES).map(([name, expression]) => [name, inTemplate(expression)]),
  ),
  // template and parameters never change
  unchanged: 'oldObject != null',
  models: refusedUris(
    `${trialValues(SOURCE, 'has(object.spec.template.model.source) ? [object.spec.template.model.source.uri] : []')}.filter(uri, type(uri) == string)`,
    'allowedModelSources',
  ),
  // lists of sources that vary are held to the policy with each trial
  data: refusedUris(
    inTemplate(
      `(${urisOf('object.spec.dataset.sources', `!${isVaried('dataset.sources')} && has(object.spec.dataset.sources)`)} + ${urisOf('object.spec.dataset.validation.sources', `!${isVaried('dataset.validation.sources')} && has(object.spec.dataset.validation) && has(object.spec.dataset.validation.sources)`)})`,
    ).replaceAll('object.spec.template.parameters', 'object.spec.parameters'),
    'allowedDatasetSources',
  ),
  lengths: `!has(params.spec.maxSequenceLength) ? [] : ${trialValues(LENGTH, '[object.spec.template.training.sequenceLength]')}.filter(n, (type(n) == int || type(n) == double) && n > params.spec.maxSequenceLength)`,
  methods: `!has(params.spec.allowedMethods) ? [] : ${trialValues(METHOD, '[object.spec.template.method.type]')}.filter(m, !(m in params.spec.allowedMethods))`,
}

/** Limits on fields that a parameter can vary. */
const VARIED_LIMITS: Readonly<Record<string, Pick<Limit, 'holds' | 'asked'>>> = {
  allowedModelSources: {
    holds: NO_MODEL_REFUSED,
    asked: askedOfModels(askedBy(SOURCE, MODEL_SHOWN), 'spec.template'),
  },
  allowedMethods: {
    holds: 'size(variables.methods) == 0',
    asked: askedBy(METHOD, cut('string(variables.methods[0])', URI_SHOWN_MAX)),
  },
  maxSequenceLength: {
    holds: 'size(variables.lengths) == 0',
    asked: askedBy(LENGTH, 'string(variables.lengths[0])'),
  },
}

const EXPERIMENT_LIMITS: readonly Limit[] = LIMITS.map(limit => ({
  ...limit,
  holds: inTemplate(limit.holds),
  asked: inTemplate(limit.asked),
  ...VARIED_LIMITS[limit.field],
}))

const validation = ({ field, holds, asked, allowed }: Limit) => ({
  expression: `!variables.applies || !has(params.spec.${field}) || (${holds})`,
  messageExpression: `${asked} + ', and ${POLICY_KIND} ' + params.metadata.name + ${allowed} + ' (${field})'`,
  // of a messageExpression that fails
  message: `a ${POLICY_KIND} does not allow it (${field})`,
  reason: 'Forbidden',
})

export const ADMISSION_API_VERSION = 'admissionregistration.k8s.io/v1'

const policySpec = (resource: string, variables: Variables, limits: readonly Limit[]) => ({
  paramKind: { apiVersion: API_VERSION, kind: POLICY_KIND },
  failurePolicy: 'Fail',
  matchConstraints: {
    resourceRules: [
      {
        apiGroups: [GROUP],
        apiVersions: [VERSION],
        operations: ['CREATE', 'UPDATE'],
        resources: [resource],
        scope: 'Namespaced',
      },
    ],
  },
  variables: Object.entries(variables).map(([name, expression]) => ({ name, expression })),
  validations: limits.map(validation),
})

/** One policy a kind: an expression is asked of every object that its policy matches. */
export const admissionPolicies = () => ({
  'tuning-policies': policySpec('instructiontuningjobs', VARIABLES, LIMITS),
  'dataset-policies': policySpec('instructiondatasets', DATASET_VARIABLES, DATASET_LIMITS),
  'experiment-policies': policySpec('tuningexperiments', EXPERIMENT_VARIABLES, EXPERIMENT_LIMITS),
})

/** Every TuningPolicy is a parameter; each says itself which namespaces it is for. */
export const admissionBindingSpec = (policyName: string) => ({
  policyName,
  paramRef: { selector: {}, parameterNotFoundAction: 'Allow' },
  validationActions: ['Deny'],
})
