import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Reason } from '@attune/crds/conditions.ts'
import type { InstructionTuningJobSpec } from '@attune/crds/instruction-tuning-job-spec.ts'
import { EXIT, STAGES, type Stage } from '@attune/crds/stage.ts'
import t from 'tap'
import { runStage } from '../../trainer-image/src/run-stage.ts'
import { terminationMessage } from '../../trainer-image/src/termination-message.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { safetensorsBytes } from '../fixtures/model/safetensors-bytes.ts'
import { writeShortGguf } from '../fixtures/model/short-gguf.ts'
import { brokenFluxRules } from '../fixtures/operator/flux-rules.ts'
import { type TuningCluster, tuningCluster } from '../fixtures/operator/tuning-cluster.ts'
import { aStageContext } from '../fixtures/a-stage-context.ts'
import { type TinyJob, writeTinyJob } from '../fixtures/tiny-job.ts'

// Each has a namespace and an operator of its own, and mostly waits.
t.jobs = 4
const TOGETHER = { buffered: true }

type Case = {
  readonly harm?: (folder: string) => Promise<void>
  readonly change?: (spec: InstructionTuningJobSpec, folder: string) => InstructionTuningJobSpec
  readonly stage: Stage
  readonly exitCode: number
  readonly reason: Reason
  readonly says: RegExp
  /** what is to be found in the workspace afterwards */
  readonly keeps?: RegExp
}

const seventeenBroken = Array.from({ length: 20 }, (_, index) =>
  index === 16 ? '{"prompt": "half' : JSON.stringify({ prompt: `make ${index}`, completion: 'ok' }),
).join('\n')
/** Of a longer line these 200 characters are told, and no more. */
const SHOWN = `{"prompt": "${'a'.repeat(188)}`
const pair = JSON.stringify({ prompt: 'lamp on', completion: 'ok', room: 'hall' })
const tooLong = { 'model.norm.weight': { dtype: 'F32', shape: [64], data_offsets: [0, 2 ** 40] } }

const CASES: Readonly<Record<string, Case>> = {
  'a broken line 17': {
    harm: folder => writeFile(join(folder, 'pairs.jsonl'), seventeenBroken),
    stage: 'prepare',
    exitCode: EXIT.data,
    reason: 'DatasetMalformed',
    says: /pairs\.jsonl line 17: not JSON: \{"prompt": "half/,
  },
  'a broken line of more than 200 characters': {
    harm: folder => writeFile(join(folder, 'pairs.jsonl'), `${pair}\n${SHOWN}${'b'.repeat(300)}`),
    stage: 'prepare',
    exitCode: EXIT.data,
    reason: 'DatasetMalformed',
    says: new RegExp(`pairs\\.jsonl line 2: not JSON: \\${SHOWN}…(?!.*bbb)`),
  },
  'an empty dataset': {
    harm: folder => writeFile(join(folder, 'pairs.jsonl'), ''),
    stage: 'prepare',
    exitCode: EXIT.data,
    reason: 'DatasetMalformed',
    says: /pairs\.jsonl: no examples/,
  },
  'a GGUF file cut short': {
    harm: writeShortGguf,
    stage: 'prepare',
    exitCode: EXIT.data,
    reason: 'ModelMalformed',
    says: /model\.gguf.*\d+ bytes/,
  },
  'a file that is not there': {
    harm: folder => rm(join(folder, 'pairs.jsonl')),
    stage: 'prepare',
    exitCode: EXIT.noInput,
    reason: 'SourceNotFound',
    says: /pairs\.jsonl/,
  },
  'data below two of its gates': {
    harm: folder =>
      writeFile(join(folder, 'pairs.jsonl'), `${pair}\n${pair}\n${pair.replace('on', 'off')}\n`),
    change: spec => ({
      ...spec,
      dataset: { ...spec.dataset, quality: { minExamples: 100, maxDuplicateFraction: 0.05 } },
    }),
    stage: 'prepare',
    exitCode: EXIT.data,
    reason: 'DatasetBelowQuality',
    says: /[12] training examples, .*minExamples is 100; 1 of 3 examples \(33.*maxDuplicateFraction is 0\.05/,
  },
  'an architecture that is not supported': {
    harm: async folder => {
      const path = join(folder, 'model', 'config.json')
      const config = JSON.parse(await readFile(path, 'utf8')) as object
      const mamba = { model_type: 'mamba', architectures: ['MambaForCausalLM'] }
      await writeFile(path, JSON.stringify({ ...config, ...mamba }))
    },
    stage: 'prepare',
    exitCode: EXIT.config,
    reason: 'ModelUnsupported',
    says: /(mamba|Mamba).*[Ll]lama/,
  },
  'a learning rate that is far too high': {
    change: spec => ({
      ...spec,
      training: {
        ...spec.training,
        maxSteps: 6,
        learningRate: 1e30,
        checkpoint: { everySteps: 1, keep: 2 },
      },
    }),
    stage: 'train',
    exitCode: EXIT.diverged,
    reason: 'TrainingDiverged',
    says: /step [2-6]: loss .*lower training\.learningRate/,
    keeps: /^train\/.*checkpoint\.json$/m,
  },
  'a gate that does not hold': {
    change: spec => ({
      ...spec,
      evaluation: {
        ...spec.evaluation,
        gates: [{ metric: 'held-out/exactMatch', improvesOnBaseBy: 0.9 }],
      },
    }),
    stage: 'evaluate',
    exitCode: EXIT.ok,
    reason: 'GatesNotPassed',
    says: /held-out\/exactMatch improvesOnBaseBy 0\.9, measured/,
    keeps: /^train\/.*adapter_model\.safetensors$/m,
  },
  'a safetensors file with a lying header': {
    harm: folder =>
      writeFile(join(folder, 'model', 'model.safetensors'), safetensorsBytes(tooLong)),
    stage: 'prepare',
    exitCode: EXIT.data,
    reason: 'ModelMalformed',
    says: /model\.safetensors.*header/,
  },
  "a sequence length over the model's": {
    change: spec => ({ ...spec, training: { ...spec.training, sequenceLength: 1024 } }),
    stage: 'prepare',
    exitCode: EXIT.config,
    reason: 'InvalidSpec',
    says: /training\.sequenceLength is 1024, the model has 512 positions/,
  },
  'an output that cannot be written': {
    harm: folder => writeFile(join(folder, 'a-file'), ''),
    change: (spec, folder) => ({ ...spec, output: { uri: `file://${folder}/a-file/output` } }),
    stage: 'publish',
    exitCode: EXIT.retryable,
    reason: 'PublishFailed',
    says: /output\.uri file:\/\/.*a-file\/output: cannot be written/,
    keeps: /^train\/.*adapter_model\.safetensors$/m,
  },
}

const runIn = async (cluster: TuningCluster, stage: Stage, tiny: TinyJob) => {
  const pod = await cluster.kubelet.starts(1, stage)
  const { result, exitCode } = await runStage(stage, aStageContext(tiny))
  await cluster.kubelet.ends(pod, exitCode, terminationMessage(result))
  return exitCode
}

t.test('an output that refuses, and takes it when it is tried again', TOGETHER, async t => {
  const folder = t.testdir({ 'a-file': '' })
  const output = join(folder, 'a-file', 'output')
  const tiny = await writeTinyJob(folder, spec => ({
    ...spec,
    training: { ...spec.training, maxSteps: 2 },
    output: { uri: `file://${output}` },
  }))
  const cluster = await tuningCluster(t)
  await cluster.operator()
  await cluster.submit({ retry: { limit: 1 } })
  for (const stage of ['prepare', 'train', 'evaluate'] as const)
    t.equal(await runIn(cluster, stage, tiny), EXIT.ok, stage)
  t.equal(await runIn(cluster, 'publish', tiny), EXIT.retryable)
  await cluster.event('Retrying', /stage publish, attempt 2: .*a-file\/output: cannot be written/)

  await rm(join(folder, 'a-file'))
  t.equal(await runIn(cluster, 'publish', tiny), EXIT.ok)
  const { status } = await cluster.phase('Succeeded')
  const [run, ...more] = status?.runs ?? []
  t.strictSame(more, [], 'in the same run')
  t.strictSame(
    run?.stages.map(({ attempts }) => attempts),
    [1, 1, 1, 2],
    'nothing else is done again',
  )
  t.match((await readdir(output, { recursive: true })).join('\n'), /adapter_model\.safetensors$/m)
})

for (const [name, { harm, change, stage, exitCode, reason, says, keeps }] of Object.entries(
  CASES,
)) {
  t.test(`${name} is in the status, in the words of the trainer`, TOGETHER, async t => {
    const folder = t.testdir({})
    const tiny = await writeTinyJob(folder, spec => {
      const short = { ...spec, training: { ...spec.training, maxSteps: 2 } }
      return change?.(short, folder) ?? short
    })
    await harm?.(folder)
    const cluster = await tuningCluster(t)
    await cluster.operator()
    await cluster.submit({ retry: { limit: 0 } })
    const before = STAGES.slice(0, STAGES.indexOf(stage))
    for (const earlier of before) t.equal(await runIn(cluster, earlier, tiny), EXIT.ok, earlier)
    t.equal(await runIn(cluster, stage, tiny), exitCode)

    const job = await cluster.phase('Failed')
    const find = (type: string) =>
      job.status?.conditions?.find(condition => condition.type === type)
    t.match(find('Failed'), { status: 'True', reason, message: says })
    t.match(find('Stalled'), { status: 'True', reason, message: says })
    t.match(find('Ready'), { status: 'False', reason, message: says })
    t.match(job.status?.runs?.[0], { phase: 'Failed', reason, message: says })
    t.match(find('DatasetReady'), { status: stage === 'prepare' ? 'False' : 'True' })
    t.strictSame(brokenFluxRules(job), [])
    const next = STAGES[STAGES.indexOf(stage) + 1]
    if (next) t.notOk((await cluster.names('jobs')).includes(`job.batch/home-1-${next}`))
    if (keeps)
      t.match((await readdir(tiny.workspace, { recursive: true })).join('\n'), keeps, 'it is kept')
    await eventually(async () => {
      const events = await cluster.events()
      if (!events.some(event => event.reason === reason && says.test(event.message)))
        throw new Error(`no Event says so: ${JSON.stringify(events)}`)
    })
  })
}
