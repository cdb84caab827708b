import t from 'tap'
import * as kubeError from '../../../../operator/src/kube/kube-error.ts'

const { kubeErrorOfStatus } = kubeError
const predicates = {
  isConflict: kubeError.isConflict,
  isAlreadyExists: kubeError.isAlreadyExists,
  isNotFound: kubeError.isNotFound,
  isGone: kubeError.isGone,
  isInvalid: kubeError.isInvalid,
  isForbidden: kubeError.isForbidden,
  isRetryable: kubeError.isRetryable,
  isConnectionFailure: kubeError.isConnectionFailure,
  isResourceVersionTooLarge: kubeError.isResourceVersionTooLarge,
}
type Name = keyof typeof predicates

const of = (code: number, reason: string, details = {}) =>
  kubeErrorOfStatus({ code, reason, message: 'why', details }, code, 'GET /x')
const local = (reason: string) => new kubeError.KubeError({ status: 0, reason, message: 'why' })

const table: Record<string, { error: unknown; is: Name[] }> = {
  'another wrote first': { error: of(409, 'Conflict'), is: ['isConflict'] },
  'the name is taken': { error: of(409, 'AlreadyExists'), is: ['isAlreadyExists'] },
  'there is no such object': { error: of(404, 'NotFound'), is: ['isNotFound'] },
  'the version is compacted, by status': { error: of(410, 'Gone'), is: ['isGone'] },
  'the version is compacted, by reason': { error: of(410, 'Expired'), is: ['isGone'] },
  'the schema refuses': { error: of(422, 'Invalid'), is: ['isInvalid'] },
  'the body is not understood': { error: of(400, 'BadRequest'), is: ['isInvalid'] },
  'the rights are missing': { error: of(403, 'Forbidden'), is: ['isForbidden'] },
  'the token is not valid': { error: of(401, 'Unauthorized'), is: ['isForbidden'] },
  'the server is busy': { error: of(429, 'TooManyRequests'), is: ['isRetryable'] },
  'the server fails': { error: of(500, 'InternalError'), is: ['isRetryable'] },
  'the version is of the future': {
    error: of(504, 'Timeout', { causes: [{ reason: 'ResourceVersionTooLarge' }] }),
    is: ['isRetryable', 'isResourceVersionTooLarge'],
  },
  'the connection broke': {
    error: local(kubeError.CONNECTION_FAILED),
    is: ['isRetryable', 'isConnectionFailure'],
  },
  'the answer is too large': { error: local(kubeError.RESPONSE_TOO_LARGE), is: [] },
  'it is another error': { error: new TypeError('409'), is: [] },
}

for (const [sentence, { error, is }] of Object.entries(table))
  t.test(sentence, t => {
    const held = Object.entries(predicates).filter(([, predicate]) => predicate(error))
    t.strictSame(
      held.map(([name]) => name),
      Object.keys(predicates).filter(name => is.includes(name as Name)),
    )
    t.end()
  })

t.test('says which request failed and why', t => {
  t.match(of(409, 'Conflict'), {
    name: 'KubeError',
    status: 409,
    reason: 'Conflict',
    message: 'GET /x: why',
  })
  t.match(kubeErrorOfStatus({}, 502, 'GET /x'), {
    status: 502,
    reason: 'Unknown',
    message: 'GET /x: the API server answered 502',
  })
  t.end()
})
