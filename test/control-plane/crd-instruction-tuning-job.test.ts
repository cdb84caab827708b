import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { canonicalJson } from '../../crds/canonical-json.ts'
import { resolveSpec } from '../../crds/defaults.ts'
import type { InstructionTuningJobSpec } from '../../crds/instruction-tuning-job-spec.ts'
import { validateManifest } from '../../crds/validate.ts'
import { controlPlane } from '../fixtures/cluster/control-plane.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { testNamespace } from '../fixtures/cluster/namespace.ts'
import { dryRun } from '../fixtures/crds/dry-run.ts'
import { ACCEPTED, REFUSED } from '../fixtures/crds/manifests.ts'

const CRD = join(import.meta.dirname, '../../crds/instructiontuningjobs.yaml')
const MINIMAL = ACCEPTED['only what is required'] ?? ''

type Crd = { status: { conditions: { type: string; status: string; message: string }[] } }

/** As the operator caches it: the API server fills in no default within a list. */
const complete = (spec: unknown) => resolveSpec(spec as InstructionTuningJobSpec)

t.before(async () => {
  // without --server-side: the whole file has to fit into an annotation
  await kubectl(['apply', '--validate=strict', '-f', CRD])
  const { kubeconfig } = await controlPlane()
  await eventually(async () => {
    const { status, message } = await dryRun(kubeconfig, MINIMAL)
    if (status === 404) throw new Error(message)
  })
})

t.test('the CRD is established and structural', async t => {
  const crd = JSON.parse(await kubectl(['get', '-f', CRD, '-o', 'json'])) as Crd
  const conditions = Object.fromEntries(crd.status.conditions.map(c => [c.type, c.status]))
  t.match(conditions, { Established: 'True', NamesAccepted: 'True' })
  t.notHas(conditions, 'NonStructuralSchema')
})

t.test('the API server and the local check both accept', async t => {
  const { kubeconfig } = await controlPlane()
  for (const [name, text] of Object.entries(ACCEPTED)) {
    const server = await dryRun(kubeconfig, text)
    const local = validateManifest(text, { mode: 'cluster' })
    t.equal(server.status, 201, `${name}: ${server.message}`)
    t.strictSame(local.errors, [], `${name}: local`)
    t.equal(
      canonicalJson(local.job?.spec ?? null),
      canonicalJson(complete(server.object?.spec)),
      `${name}: the same defaults`,
    )
  }
})

t.test('the API server stores lists as they were written', async t => {
  const { kubeconfig } = await controlPlane()
  const server = await dryRun(kubeconfig, MINIMAL)
  const spec = server.object?.spec as InstructionTuningJobSpec | undefined
  t.strictSame(spec?.dataset.sources, [{ uri: 'pvc://data/train.jsonl' }])
  t.strictSame(spec?.evaluation?.suites, [{ name: 'held-out' }])
})

t.test('the API server and the local check both refuse', async t => {
  const { kubeconfig } = await controlPlane()
  for (const [name, text] of Object.entries(REFUSED)) {
    const server = await dryRun(kubeconfig, text)
    const local = validateManifest(text, { mode: 'cluster' })
    t.ok([400, 422].includes(server.status), `${name}: ${server.status} ${server.message}`)
    t.not(local.errors.length, 0, `${name}: local`)
  }
})

t.test('a broken rule is told in the same words and at the same field', async t => {
  const { kubeconfig } = await controlPlane()
  for (const name of [
    'a name in capitals',
    'a gate on a suite that is not there',
    'a gate on a metric that is not measured',
    'a gate where there are no suites',
    'epochs and maxSteps',
    'two model sources',
    'an unknown criterion',
    'a hub repository without its owner',
    'a claim with a name that none can have',
    'a path out of its claim',
    'data in another format',
    'a volume of negative size',
    'a volume of no size as a number',
    'a selector with empty weights',
  ]) {
    const text = REFUSED[name] ?? ''
    const { message } = await dryRun(kubeconfig, text)
    const [error] = validateManifest(text, { mode: 'cluster' }).errors
    t.ok(message.includes(`${error?.path}: Invalid value`), `${name}: ${message}`)
    t.ok(message.includes(error?.message ?? ' '), `${name}: ${message}`)
  }
})

t.test('a job that no operator has seen has observedGeneration -1', async t => {
  const namespace = await testNamespace(t)
  await kubectl(['create', '-n', namespace, '-f', '-'], MINIMAL)
  const text = await kubectl(['get', 'itj', 'home', '-n', namespace, '-o', 'json'])
  t.strictSame((JSON.parse(text) as { status: unknown }).status, { observedGeneration: -1 })
})

t.test('kubectl get shows the columns', async t => {
  const namespace = await testNamespace(t)
  const at = ['-n', namespace]
  await kubectl(['create', ...at, '-f', '-'], MINIMAL)
  const status = {
    phase: 'Training',
    run: 2,
    model: 'hf://owner/model',
    training: { step: 120, totalSteps: 400, progress: '120/400', loss: 1.25, tokensPerSecond: 900 },
  }
  const patch = JSON.stringify({ status })
  await kubectl([
    'patch',
    'itj',
    'home',
    ...at,
    '--subresource=status',
    '--type=merge',
    '-p',
    patch,
  ])
  const [head, row] = (await kubectl(['get', 'itj', 'home', ...at, '-o', 'wide'])).split('\n')
  t.equal(
    head?.trim().replaceAll(/\s+/g, ' '),
    'NAME PHASE STEP LOSS SCORE MODEL AGE BASEMODEL QUEUE GPU TOKENS/S ETA RUN MESSAGE',
  )
  t.match(row, /home +Training +120\/400 +1\.25 +hf:\/\/owner\/model +\S+ +900 +2/)
})

t.test('the committed file is the one that was applied', async t => {
  t.ok(readFileSync(CRD).length < 262_144)
})
