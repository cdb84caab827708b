import t from 'tap'
import { defineKind } from '../../../../operator/src/kube/kube-object.ts'
import {
  collectionPath,
  creationPath,
  objectPath,
  queryString,
} from '../../../../operator/src/kube/resource-path.ts'
import { CONFIG_MAP } from '../../../fixtures/kube/an-object.ts'

const JOB = defineKind({
  group: 'batch',
  version: 'v1',
  plural: 'jobs',
  kind: 'Job',
  namespaced: true,
})
const NODE = defineKind({
  group: '',
  version: 'v1',
  plural: 'nodes',
  kind: 'Node',
  namespaced: false,
})

t.test('paths follow group, namespace, name and subresource', t => {
  t.equal(collectionPath(CONFIG_MAP, 'ns'), '/api/v1/namespaces/ns/configmaps')
  t.equal(collectionPath(JOB), '/apis/batch/v1/jobs')
  t.equal(objectPath(NODE, { name: 'n' }), '/api/v1/nodes/n')
  t.equal(
    objectPath(JOB, { name: 'j', namespace: 'ns' }, 'status'),
    '/apis/batch/v1/namespaces/ns/jobs/j/status',
  )
  t.end()
})

t.test('a name cannot leave its place in the path', t => {
  t.equal(
    objectPath(JOB, { name: '../../x?y', namespace: 'n/s' }),
    '/apis/batch/v1/namespaces/n%2Fs/jobs/..%2F..%2Fx%3Fy',
  )
  t.end()
})

t.test('what would name another thing is refused', t => {
  t.throws(() => objectPath(NODE, { name: '' }), { message: 'Node needs a name' })
  t.throws(() => objectPath(JOB, { name: 'j' }), { message: 'Job needs a namespace' })
  t.throws(() => creationPath(JOB), { message: 'Job needs a namespace' })
  t.throws(() => collectionPath(NODE, 'ns'), { message: 'Node has no namespace, got ns' })
  t.end()
})

t.test('a query leaves out what is not there and escapes the rest', t => {
  t.equal(queryString({ a: undefined }), '')
  t.equal(
    queryString({ watch: true, limit: 5, labelSelector: 'a=b,c' }),
    '?watch=true&limit=5&labelSelector=a%3Db%2Cc',
  )
  t.equal(queryString({ resourceVersion: '' }), '?resourceVersion=')
  t.end()
})
