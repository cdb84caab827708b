import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseAllDocuments } from 'yaml'
import { repositoryFolder } from '../cluster/paths.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { tuningCluster } from '../fixtures/operator/tuning-cluster.ts'

const EXAMPLES = join(repositoryFolder, 'examples')
/** Built by kustomize, or of CRDs that are not ours: those have tests of their own. */
const ELSEWHERE = ['gitops', 'kueue', 'tenants']

const textsBelow = (folder: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    readdirSync(join(EXAMPLES, folder))
      .filter(name => name.endsWith('.yaml'))
      .map(name => [`${folder}/${name}`, readFileSync(join(EXAMPLES, folder, name), 'utf8')]),
  )

t.test('the API server takes every example that is for a cluster', async t => {
  const { namespace } = await tuningCluster(t)
  const folders = readdirSync(EXAMPLES).filter(name => !ELSEWHERE.includes(name))
  const texts = Object.entries(Object.assign({}, ...folders.map(textsBelow)) as object)
  const kinds = new Set<string>()
  for (const [name, text] of texts as [string, string][]) {
    // for `attune run` on one machine
    if (text.includes('uri: file://')) continue
    for (const document of parseAllDocuments(text)) kinds.add(String(document.get('kind')))
    const apply = ['apply', '-n', namespace, '--dry-run=server', '--validate=strict', '-f', '-']
    await t.resolves(kubectl(apply, text), name)
  }
  for (const kind of ['InstructionTuningJob', 'InstructionDataset', 'TuningExperiment'])
    t.ok(kinds.has(kind), kind)
  for (const kind of ['BaseModel', 'TuningPolicy']) t.ok(kinds.has(kind), kind)
})
