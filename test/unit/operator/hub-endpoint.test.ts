import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  HUB_ENDPOINT,
  hubEndpointProblem,
  NO_PROXY_HOSTS,
} from '../../../operator/src/hub-endpoint.ts'
import { ACCEPTED_ENDPOINTS, REFUSED_ENDPOINTS } from '../../fixtures/operator/hub-endpoints.ts'

const SCHEMA = join(import.meta.dirname, '../../../charts/attune/values.schema.json')
type Schema = {
  properties: Record<'hubEndpoint' | 'httpsProxy' | 'noProxy', { pattern: string }>
}
const { properties } = JSON.parse(readFileSync(SCHEMA, 'utf8')) as Schema
const { pattern } = properties.hubEndpoint
const ofChart = new RegExp(pattern)

t.test('the chart has the pattern of the operator, or an empty text', async t => {
  t.equal(pattern, `^(${HUB_ENDPOINT})?$`)
  t.ok(ofChart.test(''))
})

t.test('chart and operator accept the same', async t => {
  for (const endpoint of ACCEPTED_ENDPOINTS) {
    t.equal(hubEndpointProblem(endpoint), undefined, endpoint)
    t.ok(ofChart.test(endpoint), `${endpoint}: chart`)
  }
})

t.test('chart and operator refuse the same', async t => {
  for (const [name, endpoint] of Object.entries(REFUSED_ENDPOINTS)) {
    t.ok(hubEndpointProblem(endpoint), name)
    t.notOk(ofChart.test(endpoint), `${name}: chart`)
  }
})

t.test('a password is not repeated', async t => {
  t.notMatch(hubEndpointProblem('https://user:word@hub.example.org'), 'word@')
})

t.test('the chart knows a proxy as the operator does', async t => {
  t.equal(properties.httpsProxy.pattern, pattern)
  t.equal(properties.noProxy.pattern, `^${NO_PROXY_HOSTS}$`)
})
