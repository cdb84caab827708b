import t from 'tap'
import { restrictions } from '../../../operator/src/restrictions.ts'

t.test('an operator without rights in the whole cluster says what it leaves undone', async t => {
  t.strictSame(restrictions({ checkPolicies: true, readCatalogue: true }), [])
  const [policies = '', catalogue = '', ...more] = restrictions({
    checkPolicies: false,
    readCatalogue: false,
  })
  t.strictSame(more, [])
  for (const said of ['tuningpolicies.attune.dev', '--check-policies', 'rbac.clusterReads'])
    t.match(policies, said)
  for (const said of ['basemodels.attune.dev', '--read-catalogue', 'CatalogueNotRead'])
    t.match(catalogue, said)
  t.strictSame(restrictions({ checkPolicies: false, readCatalogue: true }), [policies])
})
