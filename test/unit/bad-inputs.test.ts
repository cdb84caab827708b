import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { stringify } from 'yaml'
import type { Reason } from '../../crds/conditions.ts'
import { EXIT, type Stage } from '../../crds/stage.ts'
import { attemptFailure } from '../../operator/src/job/stage-failure.ts'
import { attune } from '../fixtures/cli/attune.ts'
import { safetensorsBytes } from '../fixtures/model/safetensors-bytes.ts'
import { writeShortGguf } from '../fixtures/model/short-gguf.ts'
import { aPod, ended } from '../fixtures/operator/tuning-job.ts'
import { type TinyJob, writeTinyJob } from '../fixtures/tiny-job.ts'

const TRAINER = join(import.meta.dirname, '../../trainer-image/src/main.ts')

type Manifest = Record<string, unknown> & { spec: Record<string, unknown> }
type Case = {
  /** what is wrong with the files */
  readonly harm?: (folder: string, tiny: TinyJob) => Promise<unknown>
  /** what is wrong with the manifest */
  readonly change?: (manifest: Manifest, folder: string) => void
  /** what a person reads */
  readonly says: RegExp
  readonly exitCode: number
  /** absent where the API server refuses the object, so that there is no status */
  readonly fails?: { readonly stage: Stage; readonly reason: Reason }
}

const data = (folder: string) => join(folder, 'pairs.jsonl')
const weights = (folder: string) => join(folder, 'model', 'model.safetensors')
const seventeenBroken = Array.from({ length: 20 }, (_, index) =>
  index === 16 ? '{"prompt": "half' : JSON.stringify({ prompt: `make ${index}`, completion: 'ok' }),
).join('\n')

const CASES: Readonly<Record<string, Case>> = {
  'an unknown field': {
    change: ({ spec }) => Object.assign(spec, { trainings: {} }),
    says: /job\.yaml:\d+:\d+: spec\.trainings: unknown field/,
    exitCode: 1,
  },
  'a wrong type': {
    change: ({ spec }) => Object.assign(spec['training'] as object, { batchSize: 'many' }),
    says: /job\.yaml:\d+:\d+: spec\.training\.batchSize: .*integer/,
    exitCode: 1,
  },
  'two model sources': {
    change: ({ spec }) => Object.assign(spec['model'] as object, { ref: { name: 'a-base-model' } }),
    says: /job\.yaml:\d+:\d+: spec\.model: .*exactly one/,
    exitCode: 1,
  },
  'a broken line 17': {
    harm: folder => writeFile(data(folder), seventeenBroken),
    says: /pairs\.jsonl line 17: not JSON: \{"prompt": "half/,
    exitCode: EXIT.data,
    fails: { stage: 'prepare', reason: 'DatasetMalformed' },
  },
  'an empty dataset': {
    harm: folder => writeFile(data(folder), ''),
    says: /pairs\.jsonl: no examples/,
    exitCode: EXIT.data,
    fails: { stage: 'prepare', reason: 'DatasetMalformed' },
  },
  'a missing file': {
    harm: folder => rm(data(folder)),
    says: /pairs\.jsonl/,
    exitCode: EXIT.noInput,
    fails: { stage: 'prepare', reason: 'SourceNotFound' },
  },
  'a GGUF file cut short': {
    harm: writeShortGguf,
    says: /model\.gguf.*\d+ bytes/,
    exitCode: EXIT.data,
    fails: { stage: 'prepare', reason: 'ModelMalformed' },
  },
  'a safetensors file with a lying header': {
    harm: folder =>
      writeFile(
        weights(folder),
        safetensorsBytes({
          'model.norm.weight': { dtype: 'F32', shape: [64], data_offsets: [0, 2 ** 40] },
        }),
      ),
    says: /model\.safetensors.*header/,
    exitCode: EXIT.data,
    fails: { stage: 'prepare', reason: 'ModelMalformed' },
  },
  'an architecture that is not supported': {
    harm: async folder => {
      const path = join(folder, 'model', 'config.json')
      const config = JSON.parse(await readFile(path, 'utf8')) as object
      await writeFile(
        path,
        JSON.stringify({ ...config, model_type: 'mamba', architectures: ['MambaForCausalLM'] }),
      )
    },
    says: /(mamba|Mamba).*[Ll]lama/,
    exitCode: EXIT.config,
    fails: { stage: 'prepare', reason: 'ModelUnsupported' },
  },
  "a sequence length over the model's": {
    change: ({ spec }) => Object.assign(spec['training'] as object, { sequenceLength: 1024 }),
    says: /training\.sequenceLength is 1024, the model has 512 positions/,
    exitCode: EXIT.config,
    fails: { stage: 'prepare', reason: 'InvalidSpec' },
  },
  'an output that cannot be written': {
    harm: folder => writeFile(join(folder, 'a-file'), ''),
    change: ({ spec }, folder) =>
      Object.assign(spec, { output: { uri: `file://${folder}/a-file/output` } }),
    // told before anything is trained; in a cluster only Publish has the volume
    says: /^PublishFailed: spec\.output\.uri file:\/\/.*a-file\/output: cannot be written/,
    exitCode: 1,
  },
}

const writeManifest = async (
  folder: string,
  tiny: TinyJob,
  change?: Case['change'],
): Promise<string> => {
  const spec = structuredClone(tiny.spec) as unknown as Record<string, unknown>
  const manifest: Manifest = {
    apiVersion: 'attune.dev/v1alpha1',
    kind: 'InstructionTuningJob',
    metadata: { name: 'tiny' },
    spec,
  }
  change?.(manifest, folder)
  const path = join(folder, 'job.yaml')
  await writeFile(path, stringify(manifest))
  return path
}

for (const [name, { harm, change, says, exitCode, fails }] of Object.entries(CASES)) {
  t.test(`${name} is told to whoever runs it, and the same words reach the status`, async t => {
    const folder = t.testdir({})
    const tiny = await writeTinyJob(folder, spec => ({
      ...spec,
      training: { ...spec.training, maxSteps: 2 },
    }))
    await harm?.(folder, tiny)
    const manifest = await writeManifest(folder, tiny, change)
    const run = await attune(['run', manifest], { ATTUNE_TRAINER_MAIN: TRAINER }).ended
    t.equal(run.code, exitCode)
    t.match(run.stderr, says)
    t.notMatch(run.stderr, /^\s+at .+:\d+:\d+\)?$/m, 'no stack trace')
    if (!fails) return
    const message = await readFile(
      join(folder, '.attune', 'tiny', 'results', `${fails.stage}.json`),
      'utf8',
    )
    const failure = attemptFailure(aPod(1, fails.stage, ended(exitCode, message)), fails.stage)
    t.match(run.stderr, `${fails.stage} failed: ${fails.reason}`)
    t.equal(failure?.reason, fails.reason)
    t.match(failure?.message, says)
  })
}
