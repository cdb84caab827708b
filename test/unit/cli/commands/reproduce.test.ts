import { execFile } from 'node:child_process'
import { appendFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { readProvenance } from '../../../../cli/src/reproduce/read-provenance.ts'
import { type Progress, STAGES } from '../../../../crds/stage.ts'
import { runStageProcess } from '../../../fixtures/stage-process.ts'
import { writeTinyJob } from '../../../fixtures/tiny-job.ts'

const folder = t.testdir({})
const tiny = await writeTinyJob(folder)
const run = join(tiny.output, 'run-1')
const provenanceFile = join(run, 'provenance.json')

type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string }
const attune = (args: readonly string[], cwd: string): Promise<Ended> =>
  new Promise(resolve => {
    const bin = fileURLToPath(new URL('../../../../cli/bin/attune.js', import.meta.url))
    execFile(process.execPath, [bin, 'run', ...args], { cwd }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    )
  })

const changed = async (name: string, change: (provenance: Record<string, never>) => object) => {
  const cwd = join(folder, name)
  await mkdir(cwd)
  const provenance = JSON.parse(await readFile(provenanceFile, 'utf8'))
  await writeFile(join(cwd, 'provenance.json'), JSON.stringify(change(provenance)))
  return attune(['--reproduce', 'provenance.json'], cwd)
}

t.before(async () => {
  for (const stage of STAGES) {
    const { exitCode, stderr } = await runStageProcess(stage, tiny)
    t.equal(exitCode, 0, stage, { stderr })
  }
})

t.test('what a run says of itself is enough to train the same bytes again', async t => {
  const provenance = JSON.parse(await readFile(provenanceFile, 'utf8'))
  t.match(provenance.computed, { microBatchSize: Number, threads: Number, replicas: Number })
  const cwd = join(folder, 'again')
  await mkdir(cwd)
  const { code, stdout, stderr } = await attune(['--reproduce', provenanceFile], cwd)
  t.equal(code, 0, stderr)
  t.match(
    stdout,
    /^run 1 of tiny is reproduced: the same bytes, in \.attune\/reproduce-tiny-1\/train\//,
  )
  t.notMatch(stderr, /other than when/)
  const place = join(cwd, stdout.trim().split(' in ')[1] ?? '')
  t.same(
    await readFile(join(place, 'adapter/adapter_model.safetensors')),
    await readFile(join(run, 'adapter/adapter_model.safetensors')),
  )
  t.same(await readdir(tiny.output), ['run-1'], 'nothing is published')
})

t.test('a run that ran out of memory on the way is computed with the same rows again', async t => {
  const killed = await writeTinyJob(join(folder, 'killed'))
  const published = join(killed.output, 'run-1')
  // half of the tokens would still hold its short rows at once
  const halved = { args: ['--micro-batch-halvings', '2'] }
  const atStep = (step: number) => ({
    kill: (progress: Progress) =>
      (progress.training?.step ?? 0) >= step ? ('SIGKILL' as const) : undefined,
  })
  await runStageProcess('prepare', killed)
  t.equal((await runStageProcess('train', killed, atStep(5))).signal, 'SIGKILL')
  for (const [stage, options] of [['train', halved], ['evaluate'], ['publish']] as const) {
    const { exitCode, stderr } = await runStageProcess(stage, killed, options)
    t.equal(exitCode, 0, stage, { stderr })
  }
  const provenance = JSON.parse(await readFile(join(published, 'provenance.json'), 'utf8'))
  const [change, ...more] = provenance.computed.changes
  t.match(provenance.computed, { microBatchSize: 4 })
  t.match(change, { microBatchSize: 1 })
  t.ok(change.afterSteps >= 4 && change.afterSteps < 12, `after ${change.afterSteps} steps`)
  t.same(more, [])
  const again = await attune(['--reproduce', join(published, 'provenance.json')], killed.output)
  t.match(again, { code: 0, stdout: /^run 1 of tiny is reproduced: the same bytes/ }, again.stderr)

  const cwd = join(folder, 'unnoted')
  await mkdir(cwd)
  const { changes: _, ...computed } = provenance.computed
  await writeFile(join(cwd, 'older.json'), JSON.stringify({ ...provenance, computed }))
  const other = await attune(['--reproduce', 'older.json'], cwd)
  t.match(other, { code: 1, stderr: /did not note its smaller micro-batches/ })
})

t.test('another seed comes to other bytes, and that is said', async t => {
  const { code, stderr } = await changed('seed', provenance => {
    const { spec } = provenance as unknown as { spec: { training: object } }
    return {
      ...provenance,
      spec: { ...spec, training: { ...spec.training, seed: 7 } },
      versions: { onnxruntime: '1.2.3' },
    }
  })
  t.equal(code, 1)
  t.match(
    stderr,
    /other than when the run was published:\n(?:.*\n)*.*onnxruntime was 1\.2\.3, here it is/,
  )
  t.match(stderr, /run 1 of tiny is not reproduced: digest [0-9a-f]{64} instead of [0-9a-f]{64}\n/)
  t.match(stderr, /may round otherwise:\n {2}trainer was not noted, here it is/)
})

t.test('data that has changed is told before anything is trained', async t => {
  await appendFile(join(folder, 'pairs.jsonl'), '{"prompt":"a","completion":"b"}\n')
  const cwd = join(folder, 'changed')
  await mkdir(cwd)
  const { code, stderr } = await attune(['--reproduce', provenanceFile], cwd)
  t.equal(code, 65)
  t.match(
    stderr,
    /trained on other content.*\n {2}data file:.*pairs\.jsonl was sha256 \w{64}, now it is/,
  )
  t.notMatch(stderr, /train +done/)
})

t.test('a file that no run has published is refused', async t => {
  const cases: [string, (provenance: Record<string, never>) => object, RegExp][] = [
    ['job', provenance => ({ ...provenance, job: { name: '../x', namespace: 'a' } }), /job is not/],
    ['stages', provenance => ({ ...provenance, stages: {} }), /stages\.train\.digest is not/],
    ['data', provenance => ({ ...provenance, data: [1] }), /data is not/],
    ['spec', provenance => ({ ...provenance, spec: { model: 1 } }), /spec\.\w+: is required/],
  ]
  const provenance = JSON.parse(await readFile(provenanceFile, 'utf8'))
  const file = join(folder, 'other.json')
  for (const [name, change, message] of cases) {
    await writeFile(file, JSON.stringify(change(provenance)))
    await t.rejects(readProvenance(file), { name: 'CliError', message }, name)
  }
  await writeFile(file, 'text')
  await t.rejects(readProvenance(file), { message: /not a JSON object/ })
  await t.rejects(readProvenance(join(folder, 'none.json')), { message: /cannot be read/ })
  const none = await attune([], folder)
  t.match(none, { code: 1, stderr: /give a manifest, or --reproduce/ })
})
