import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { validateManifest } from '../../../crds/validate.ts'

const FOLDER = join(import.meta.dirname, '../../../examples/datasets')
const check = (name: string, mode: 'cluster' | 'local') =>
  validateManifest(readFileSync(join(FOLDER, name), 'utf8'), { mode })

t.test('the examples are valid where they are meant to be used', async t => {
  for (const [name, mode] of [
    ['dataset.yaml', 'cluster'],
    ['jobs.yaml', 'cluster'],
    ['local.yaml', 'local'],
  ] as const)
    t.strictSame(check(name, mode).errors, [], name)
})

t.test('the jobs name the dataset that stands beside them', async t => {
  const [dataset] = check('dataset.yaml', 'cluster').datasets
  const { jobs } = check('jobs.yaml', 'cluster')
  t.equal(jobs.length, 2)
  for (const { spec } of jobs) t.equal(spec.dataset.ref?.name, dataset?.metadata.name)
  const local = check('local.yaml', 'local')
  t.equal(local.job?.spec.dataset.ref?.name, local.datasets[0]?.metadata.name)
})
