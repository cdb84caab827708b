import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readCatalogue } from '../../../cli/src/catalogue.ts'
import { resolveModel } from '../../../crds/selection/resolve-model.ts'
import { validateManifest } from '../../../crds/validate.ts'

const examples = join(import.meta.dirname, '../../../examples')
const FOLDER = join(examples, 'base-models')

t.test('a cluster takes every entry, and each says where its figures come from', async t => {
  for (const file of readdirSync(FOLDER)) {
    const text = readFileSync(join(FOLDER, file), 'utf8')
    const { baseModels, errors } = validateManifest(text, { mode: 'cluster' })
    t.strictSame(errors, [], file)
    t.equal(`${baseModels[0]?.name}.yaml`, file)
    t.match(text, /^# .*https:\/\//m, `${file}: a source`)
  }
})

t.test('the example job finds its model among them', async t => {
  const text = readFileSync(join(examples, 'model-selection/job.yaml'), 'utf8')
  const catalogue = await readCatalogue(FOLDER)
  const { job, errors } = validateManifest(text, { mode: 'cluster', catalogue })
  t.strictSame(errors, [])
  const model = job && resolveModel(job.spec.model, catalogue)
  t.match(model, {
    baseModel: 'smollm2-360m-instruct',
    selection: {
      candidates: [
        { score: 0.698239 },
        { name: 'qwen2.5-0.5b-instruct', score: 0.291892 },
        { name: 'smollm2-135m-instruct', score: 0.2 },
      ],
      rejected: { length: 4 },
    },
  })
})
