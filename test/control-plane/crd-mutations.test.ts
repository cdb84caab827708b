import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { canonicalJson } from '../../crds/canonical-json.ts'
import { resolveSpec } from '../../crds/defaults.ts'
import type { InstructionTuningJobSpec } from '../../crds/instruction-tuning-job-spec.ts'
import { validateManifest } from '../../crds/validate.ts'
import { controlPlane } from '../fixtures/cluster/control-plane.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { dryRun } from '../fixtures/crds/dry-run.ts'
import { FULL_JOB } from '../fixtures/crds/full-job.ts'

const CRD = join(import.meta.dirname, '../../crds/instructiontuningjobs.yaml')
const SEED = 20260101
const RUNS = 200

const VALUES: readonly unknown[] = [
  ...[null, true, false, -1, 0, 1, 2, 0.5, 1.5, 17, 1e6, 1e20, 2 ** 53, 2 ** 31],
  ...['', 'x', 'Auto', 'all-linear', 'q_proj', 'held-out/tokenF1', '5Gi', '1e3', '10 Gi', '-1'],
  ...['pvc://a/b', 'file://x', 'hf://a', 'a\u0000b', '😀', 'held-out'],
  ...[[], {}, [null], [[]], [1], ['x'], ['q_proj'], [{}], [{ name: 'a' }], { a: 1 }, { a: 'b' }],
]

type Parent = Record<string | number, unknown>
type Site = { readonly parent: Parent; readonly key: string | number }

const sitesOf = (value: unknown): Site[] =>
  typeof value === 'object' && value !== null
    ? Object.keys(value).flatMap(name => {
        const key = Array.isArray(value) ? Number(name) : name
        const parent = value as Parent
        return [{ parent, key }, ...sitesOf(parent[key])]
      })
    : []

const CHANGES: Readonly<Record<string, (site: Site, value: unknown) => void>> = {
  replace: ({ parent, key }, value) => {
    parent[key] = structuredClone(value)
  },
  remove: ({ parent, key }) => {
    if (Array.isArray(parent)) parent.splice(Number(key), 1)
    else delete parent[key]
  },
  repeat: ({ parent, key }) => {
    if (Array.isArray(parent)) parent.push(structuredClone(parent[Number(key)]))
  },
  add: ({ parent }, value) => {
    if (!Array.isArray(parent)) parent['seed'] = structuredClone(value)
  },
}

const change = fc.record({
  how: fc.constantFrom(...Object.keys(CHANGES)),
  at: fc.nat(10_000),
  value: fc.constantFrom(...VALUES),
})

const mutated = (changes: readonly { how: string; at: number; value: unknown }[]): string => {
  const job = structuredClone(FULL_JOB)
  for (const { how, at, value } of changes) {
    const sites = sitesOf(job)
    const site = sites[at % sites.length]
    if (site) CHANGES[how]?.(site, value)
  }
  return JSON.stringify(job)
}

/** As the operator caches it: the API server fills in no default within a list. */
const complete = (spec: unknown) => resolveSpec(spec as InstructionTuningJobSpec)

t.before(async () => {
  await kubectl(['apply', '-f', CRD])
  const { kubeconfig } = await controlPlane()
  await eventually(async () => {
    const { status, message } = await dryRun(kubeconfig, JSON.stringify(FULL_JOB))
    if (status !== 201) throw new Error(message)
  })
})

t.test('any job gets the same verdict and the same defaults from both', async t => {
  const { kubeconfig } = await controlPlane()
  const property = fc.asyncProperty(
    fc.array(change, { minLength: 1, maxLength: 3 }),
    async list => {
      const text = mutated(list)
      const server = await dryRun(kubeconfig, text)
      const { job, errors } = validateManifest(text, { mode: 'cluster' })
      const told = `${server.message}\nlocal: ${JSON.stringify(errors)}\n${text}`
      if ((server.status === 201) !== (errors.length === 0)) throw new Error(told)
      if (job && canonicalJson(job.spec) !== canonicalJson(complete(server.object?.spec)))
        throw new Error(`other defaults: ${text}`)
    },
  )
  await fc.assert(property, { seed: SEED, numRuns: RUNS })
  t.pass(`${RUNS} jobs`)
})
