/** What can be known of an entry, each in one function; the first that applies decides. */
import type { BaseModelReason } from '@attune/crds/base-model-conditions.ts'
import { unsupportedArchitecture } from '@attune/crds/supported-architectures.ts'
import { rfc3339Seconds } from '../kube/conditions.ts'
import { hubModelOf, isOfHub } from './hub-model.ts'
import type { Finding } from './read-source.ts'
import type { Facts, Situation, Step, Verdict } from './situation.ts'

/** Times that the hub may fail to answer before its entry counts as seen: some ten minutes. */
export const PATIENCE = 5

const refuted = (reason: BaseModelReason, message: string, facts: Facts = {}): Verdict => ({
  verified: 'False',
  reason,
  message,
  facts,
})
const open = (reason: BaseModelReason, message: string, facts: Facts = {}): Verdict => ({
  verified: 'Unknown',
  reason,
  message,
  facts,
})

/** Whatever the source holds: the trainer cannot tune what the entry says it is. */
export const rejectUnsupported: Step = ({ spec }) => {
  const problem = unsupportedArchitecture(spec.architecture)
  return problem === undefined ? undefined : refuted('ModelUnsupported', problem)
}

/** Claims belong to namespaces, and a host that anybody may name is not asked by the operator. */
export const leaveToPrepare: Step = ({ spec: { source } }) =>
  isOfHub(source.uri)
    ? undefined
    : open('NotVerifiable', 'only hf:// sources are looked at; Prepare looks at this one')

export const rejectInvalidUri: Step = ({ spec: { source } }) => {
  const model = hubModelOf(source.uri)
  return typeof model === 'string' ? refuted('InvalidSpec', model) : undefined
}

type Answered = { readonly finding: Finding; readonly atMs: number }

const judgeConfig = (
  finding: Extract<Finding, { kind: 'config' }>,
  { spec }: Situation,
  seen: Facts,
): Verdict => {
  const { architectures, unsupported, parameters, revision = '' } = finding
  const named = architectures.includes(spec.architecture) ? spec.architecture : architectures[0]
  const facts = {
    ...seen,
    ...(named === undefined ? {} : { architecture: named }),
    ...(parameters === undefined ? {} : { parameters }),
  }
  const { uri } = spec.source
  if (unsupported !== undefined) return refuted('ModelUnsupported', `${uri}: ${unsupported}`, facts)
  if (named !== undefined && named !== spec.architecture)
    return refuted(
      'ArchitectureDiffers',
      `${uri}: config.json names ${architectures.join(', ')}, and spec.architecture is ${spec.architecture}`,
      facts,
    )
  return {
    verified: 'True',
    reason: 'Verified',
    message: `${spec.architecture} at commit ${revision.slice(0, 12)}`,
    facts,
  }
}

const OPEN: readonly BaseModelReason[] = ['NotVerifiable', 'SourceForbidden']

const judgeAnswer = ({ finding, atMs }: Answered, situation: Situation): Verdict => {
  const { revision } = finding
  const seen = {
    lastVerificationTime: rfc3339Seconds(atMs),
    ...(revision === undefined ? {} : { revision }),
  }
  if (finding.kind === 'config') return judgeConfig(finding, situation, seen)
  const { reason, message } = finding
  return (OPEN.includes(reason) ? open : refuted)(reason, message, seen)
}

/** The last answer stands, however long the hub keeps silent after it. */
export const judge: Step = situation => {
  const answer = situation.look?.answer
  return answer && judgeAnswer(answer, situation)
}

/** Silence proves nothing: a job may take the entry, once the hub has had its chances. */
export const waitForHub: Step = ({ look, model }) => {
  if (look?.finding.kind !== 'told') return undefined
  const { metadata, status } = model
  const { reason, message } = look.finding
  const isSettled =
    status?.observedGeneration === metadata.generation &&
    status?.conditions?.some(({ type }) => type === 'Ready') &&
    !status.conditions.some(({ type }) => type === 'Reconciling')
  // what an earlier operator found stands too
  if (isSettled) return undefined
  return { ...open(reason, message), isPending: look.failures < PATIENCE }
}
