import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { fetchDataFile } from '../../../../trainer-image/src/source/fetch-data-file.ts'
import { fetchModel } from '../../../../trainer-image/src/source/fetch-model.ts'
import { type Retry, retryText } from '../../../../trainer-image/src/source/retry.ts'
import type { FetchOptions } from '../../../../trainer-image/src/source/source-options.ts'
import { fetchOptions } from '../../../fixtures/hub/fetch-options.ts'
import { type HubRepo, startHub } from '../../../fixtures/hub/hub-server.ts'

const COMMIT = 'c0ffee'.repeat(7).slice(0, 40)
const large = (byte: number, length = 200_000) => Buffer.alloc(length, byte)

const MODEL: HubRepo = {
  type: 'model',
  name: 'owner/model',
  commit: COMMIT,
  files: {
    'README.md': 'not needed',
    'config.json': '{}',
    'generation_config.json': '{}',
    'tokenizer.json': large(0x20, 5_000),
    'tokenizer_config.json': '{}',
    'chat_template.jinja': '',
    'model.safetensors': large(1),
    'pytorch_model.bin': large(2),
    'onnx/model.onnx': large(3),
    'extra.gguf': large(4),
  },
}
const SHARDED: HubRepo = {
  type: 'model',
  name: 'owner/sharded',
  commit: COMMIT,
  token: 'secret-of-a-mirror',
  files: {
    'config.json': '{}',
    'model.safetensors.index.json': JSON.stringify({
      weight_map: { a: 'model-1.safetensors', b: 'model-2.safetensors' },
    }),
    'model-1.safetensors': large(1),
    'model-2.safetensors': large(2),
    'consolidated.safetensors': large(3),
  },
}
const DATA: HubRepo = {
  type: 'dataset',
  name: 'owner/data',
  commit: COMMIT,
  files: { 'data/train.jsonl': '{"prompt":"a"}\n', 'empty.jsonl': '' },
}

const hubFor = async (t: Test, repos: readonly HubRepo[]) => {
  const hub = await startHub(repos)
  t.teardown(() => hub.close())
  const options = (more: Partial<FetchOptions> = {}, environment = {}) =>
    fetchOptions(t.testdir(), { environment: { HF_ENDPOINT: hub.url, ...environment }, ...more })
  return { hub, options }
}

t.test('fetches what a model needs, and nothing else', async t => {
  const { hub, options } = await hubFor(t, [MODEL])
  let progress = 0
  const model = await fetchModel(
    'hf://owner/model',
    options({ onProgress: ({ doneBytes }) => (progress = doneBytes) }),
  )
  t.equal(model.revision, COMMIT)
  t.strictSame(readdirSync(model.folder).sort(), [
    'chat_template.jinja',
    'config.json',
    'generation_config.json',
    'model.safetensors',
    'tokenizer.json',
    'tokenizer_config.json',
  ])
  t.ok(readFileSync(join(model.folder, 'model.safetensors')).equals(large(1)))
  t.equal(progress, 205_006)
  t.notOk(hub.requests.some(({ url }) => /\.bin|README|onnx/.test(url)))
})

t.test('gives the same digest for the same bytes, and does not fetch what is there', async t => {
  const { hub, options } = await hubFor(t, [MODEL])
  const where = options()
  const first = await fetchModel('hf://owner/model@main', where)
  const before = hub.requests.filter(({ origin }) => origin === 'cdn').length
  const second = await fetchModel(`hf://owner/model@${COMMIT}`, where)
  t.equal(second.digest, first.digest)
  t.equal(hub.requests.filter(({ origin }) => origin === 'cdn').length, before)
})

t.test('fetches the shards of the index, with a token that only the hub sees', async t => {
  const { hub, options } = await hubFor(t, [SHARDED])
  const model = await fetchModel(
    'hf://owner/sharded',
    options({}, { HF_TOKEN: 'secret-of-a-mirror' }),
  )
  t.strictSame(
    model.files.map(({ name }) => name),
    ['config.json', 'model-1.safetensors', 'model-2.safetensors', 'model.safetensors.index.json'],
  )
  const cdn = hub.requests.filter(({ origin }) => origin === 'cdn')
  t.ok(cdn.length > 0)
  t.ok(cdn.every(({ authorization }) => authorization === undefined))
})

t.test('fetches a named GGUF file', async t => {
  const { options } = await hubFor(t, [MODEL])
  const model = await fetchModel('hf://owner/model/extra.gguf', options())
  t.strictSame(readdirSync(model.folder), ['extra.gguf'])
})

t.test('goes on where the connection broke', async t => {
  const { hub, options } = await hubFor(t, [MODEL])
  hub.cutNextFile(100_000)
  const model = await fetchModel('hf://owner/model/extra.gguf', options())
  t.ok(readFileSync(join(model.folder, 'extra.gguf')).equals(large(4)))
  const resumed = hub.requests.filter(({ range }) => /^bytes=[1-9]/.test(range ?? ''))
  t.ok(resumed.length > 0, 'asks for the rest only')
})

t.test('asks again while the hub is busy, and tells', async t => {
  const { hub, options } = await hubFor(t, [MODEL])
  hub.failNext(503, 2)
  const told: string[] = []
  const onRetry = (retry: Retry) => told.push(retryText(retry))
  const where = options({ retry: { delaysMs: [1, 1], onRetry } })
  t.equal((await fetchModel('hf://owner/model', where)).revision, COMMIT)
  t.strictSame(told, [
    'HTTP 503, attempt 1 of 3, next in 0 s',
    'HTTP 503, attempt 2 of 3, next in 0 s',
  ])
})

t.test('tells of a download that breaks off', async t => {
  const { hub, options } = await hubFor(t, [MODEL])
  hub.cutNextFile(100_000)
  const told: Retry[] = []
  const onRetry = (retry: Retry) => told.push(retry)
  await fetchModel('hf://owner/model/extra.gguf', options({ retry: { delaysMs: [1], onRetry } }))
  t.match(told, [{ attempt: 1, attempts: 2 }])
})

t.test('gives up after its attempts, with an error that a retry of the stage may cure', async t => {
  const { hub, options } = await hubFor(t, [MODEL])
  hub.failNext(500, 99)
  await t.rejects(fetchModel('hf://owner/model', options()), {
    name: 'Error',
    message: /hf:\/\/owner\/model.*HTTP 500.*after 3 attempts/,
  })
})

t.test('fetches a data file of a dataset, an empty one too', async t => {
  const { options } = await hubFor(t, [DATA])
  const where = options()
  const file = await fetchDataFile('hf://datasets/owner/data/data/train.jsonl', where)
  t.equal(readFileSync(file.path, 'utf8'), '{"prompt":"a"}\n')
  t.match(file, { bytes: 15, revision: COMMIT, digest: /^[0-9a-f]{64}$/ })
  t.equal((await fetchDataFile('hf://datasets/owner/data/empty.jsonl', where)).bytes, 0)
})

const FAILURES = [
  ['an unknown repository, without a token', 'hf://owner/none', {}, 'SourceForbidden', /token/],
  ['an unknown repository', 'hf://owner/none', { HF_TOKEN: 'x' }, 'SourceNotFound', /none/],
  ['a repository that is not ours', 'hf://owner/sharded', {}, 'SourceForbidden', /sharded.*401/],
  ['an unknown revision', 'hf://owner/model@v9', {}, 'SourceNotFound', /v9/],
  ['an unknown file', 'hf://owner/model/none.gguf', {}, 'SourceNotFound', /none\.gguf/],
  ['a single file that is not GGUF', 'hf://owner/model/config.json', {}, 'InvalidSpec', /\.gguf/],
] as const
for (const [what, uri, environment, reason, message] of FAILURES)
  t.test(`names ${what}, and leaves nothing`, async t => {
    const { options } = await hubFor(t, [MODEL, SHARDED])
    const where = options({}, environment)
    await t.rejects(fetchModel(uri, where), { name: 'StageError', reason, message })
    t.strictSame(readdirSync(where.destination), [])
  })

t.test('refuses pickled weights and several GGUF files', async t => {
  const pickled = { ...MODEL, name: 'owner/pickled', files: { 'pytorch_model.bin': 'x' } }
  const several = { ...MODEL, name: 'owner/several', files: { 'a.gguf': 'x', 'b.gguf': 'y' } }
  const { options } = await hubFor(t, [pickled, several])
  await t.rejects(fetchModel('hf://owner/pickled', options()), {
    name: 'StageError',
    reason: 'ModelUnsupported',
  })
  await t.rejects(fetchModel('hf://owner/several', options()), {
    name: 'StageError',
    reason: 'InvalidSpec',
    message: /a\.gguf, b\.gguf/,
  })
})

t.test('stops at once when asked to, and goes on later from what is there', async t => {
  const { hub, options } = await hubFor(t, [MODEL])
  const stop = new AbortController()
  const where = options({
    signal: stop.signal,
    onProgress: () => stop.abort(new Error('stopped')),
  })
  hub.cutNextFile(50_000)
  await t.rejects(fetchModel('hf://owner/model/extra.gguf', where), { message: 'stopped' })
  t.match(readdirSync(where.destination), [/^extra\.gguf\.[0-9a-f]+\.partial$/])
  await fetchModel('hf://owner/model/extra.gguf', {
    ...where,
    signal: new AbortController().signal,
  })
  t.strictSame(readdirSync(where.destination), ['extra.gguf'])
  t.ok(hub.requests.some(({ range }) => /^bytes=[1-9]/.test(range ?? '')))
})
