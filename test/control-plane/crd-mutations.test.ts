import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { canonicalJson } from '../../crds/canonical-json.ts'
import { resolveExperimentSpec, resolveSpec } from '../../crds/defaults.ts'
import { experimentProblems } from '../../crds/experiment/experiment-problems.ts'
import type { InstructionTuningJobSpec } from '../../crds/instruction-tuning-job-spec.ts'
import { KINDS } from '../../crds/kinds.ts'
import { EXPERIMENT_KIND } from '../../crds/tuning-experiment.ts'
import type { TuningExperimentSpec } from '../../crds/tuning-experiment-spec.ts'
import { validateManifest } from '../../crds/validate.ts'
import { controlPlane } from '../fixtures/cluster/control-plane.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { dryRunOf } from '../fixtures/crds/dry-run.ts'
import { FULL_OBJECTS } from '../fixtures/crds/full-objects.ts'

const CRDS = KINDS.flatMap(({ plural }) => [
  '-f',
  join(import.meta.dirname, `../../crds/${plural}.yaml`),
])
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

type Changes = readonly { readonly how: string; readonly at: number; readonly value: unknown }[]

const mutated = (kind: string, changes: Changes): string => {
  const object = structuredClone(FULL_OBJECTS[kind])
  for (const { how, at, value } of changes) {
    const sites = sitesOf(object)
    const site = sites[at % sites.length]
    if (site) CHANGES[how]?.(site, value)
  }
  return JSON.stringify(object)
}

/** As the operator caches it: the API server fills in no default within a list. */
const complete = (spec: unknown) => resolveSpec(spec as InstructionTuningJobSpec)

/** What `attune validate` says beyond the server: that an experiment could not work. */
const isBeyondSchema = (kind: string, stored: unknown): boolean =>
  kind === EXPERIMENT_KIND &&
  experimentProblems(resolveExperimentSpec(stored as TuningExperimentSpec), 'cluster').length > 0

t.before(async () => {
  await kubectl(['apply', '--server-side', '--force-conflicts', ...CRDS])
  await kubectl(['wait', '--for=condition=Established', '--timeout=60s', ...CRDS])
  const { kubeconfig } = await controlPlane()
  for (const definition of KINDS)
    await eventually(async () => {
      const text = JSON.stringify(FULL_OBJECTS[definition.kind])
      const { status, message } = await dryRunOf(kubeconfig, definition, text)
      if (status !== 201) throw new Error(message)
    })
})

for (const definition of KINDS)
  t.test(`any ${definition.kind} gets the same verdict from both`, async t => {
    const { kubeconfig } = await controlPlane()
    const { kind } = definition
    t.strictSame(
      validateManifest(JSON.stringify(FULL_OBJECTS[kind]), { mode: 'cluster' }).errors,
      [],
      'the one that is changed is valid',
    )
    const property = fc.asyncProperty(
      fc.array(change, { minLength: 1, maxLength: 3 }),
      async list => {
        const text = mutated(kind, list)
        const server = await dryRunOf(kubeconfig, definition, text)
        const { job, errors } = validateManifest(text, { mode: 'cluster' })
        const told = `${server.message}\nlocal: ${JSON.stringify(errors)}\n${text}`
        const isTaken = server.status === 201
        if (isTaken !== (errors.length === 0))
          if (!isTaken || !isBeyondSchema(kind, server.object?.spec)) throw new Error(told)
        if (job && canonicalJson(job.spec) !== canonicalJson(complete(server.object?.spec)))
          throw new Error(`other defaults: ${text}`)
      },
    )
    await fc.assert(property, { seed: SEED, numRuns: RUNS })
    t.pass(`${RUNS} objects`)
  })
