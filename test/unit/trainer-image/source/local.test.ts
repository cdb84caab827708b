import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { fetchDataFile } from '../../../../trainer-image/src/source/fetch-data-file.ts'
import { fetchModel } from '../../../../trainer-image/src/source/fetch-model.ts'
import { fetchOptions } from '../../../fixtures/hub/fetch-options.ts'

const write = (...path: string[]) => {
  const name = join(...path)
  mkdirSync(dirname(name), { recursive: true })
  writeFileSync(name, path.at(-1)!)
}

t.test('a data file is used where it is', async t => {
  const options = fetchOptions(t.testdir())
  write(options.fileRoot, 'data', 'train.jsonl')
  for (const uri of ['file://./data/train.jsonl', 'file://data/train.jsonl']) {
    const file = await fetchDataFile(uri, options)
    t.equal(file.path, join(options.fileRoot, 'data/train.jsonl'))
    t.equal(file.bytes, 'train.jsonl'.length)
  }
  const absolute = await fetchDataFile(`file://${options.fileRoot}/data/train.jsonl`, options)
  t.match(absolute.digest, /^[0-9a-f]{64}$/)
})

t.test('a model folder is copied, without what is not needed', async t => {
  const options = fetchOptions(t.testdir())
  for (const name of ['config.json', 'tokenizer.json', 'model.safetensors', 'pytorch_model.bin'])
    write(options.pvcRoot, 'models', 'llama', name)
  const model = await fetchModel('pvc://models/llama', options)
  t.strictSame(readdirSync(model.folder).sort(), [
    'config.json',
    'model.safetensors',
    'tokenizer.json',
  ])
  t.equal(readFileSync(join(model.folder, 'config.json'), 'utf8'), 'config.json')
  writeFileSync(join(options.pvcRoot, 'models/llama/model.safetensors'), 'edited in place')
  t.equal(readFileSync(join(model.folder, 'model.safetensors'), 'utf8'), 'model.safetensors')
  t.not((await fetchModel('pvc://models/llama', options)).digest, model.digest)
  write(options.pvcRoot, 'models', 'llama', 'model.safetensors')
  const again = await fetchModel('pvc://models/llama/', options)
  t.equal(again.digest, model.digest, 'fetching once more changes nothing')
})

t.test('a single GGUF file is a model', async t => {
  const options = fetchOptions(t.testdir())
  write(options.fileRoot, 'm.gguf')
  t.match((await fetchModel('file://m.gguf', options)).files, [{ name: 'm.gguf', bytes: 6 }])
})

t.test('links within a claim are followed, links out of it are not', async t => {
  const options = fetchOptions(t.testdir())
  write(options.pvcRoot, 'models', 'blobs', 'x')
  write(options.pvcRoot, 'others', 'secret.jsonl')
  mkdirSync(join(options.pvcRoot, 'models/snapshot'))
  symlinkSync('../blobs/x', join(options.pvcRoot, 'models/snapshot/model.gguf'))
  symlinkSync('../others/secret.jsonl', join(options.pvcRoot, 'models/stolen.jsonl'))
  symlinkSync('../others', join(options.pvcRoot, 'models/folder'))
  symlinkSync('../../others/secret.jsonl', join(options.pvcRoot, 'models/snapshot/config.json'))
  const forbidden = { name: 'StageError', reason: 'SourceForbidden' }
  t.ok(await fetchDataFile('pvc://models/snapshot/model.gguf', options))
  await t.rejects(fetchDataFile('pvc://models/stolen.jsonl', options), forbidden)
  await t.rejects(fetchDataFile('pvc://models/folder/secret.jsonl', options), forbidden)
  await t.rejects(fetchModel('pvc://models/snapshot', options), {
    ...forbidden,
    message: /config\.json is a link that leads out of the claim/,
  })
})

t.test('what is not there is named', async t => {
  const options = fetchOptions(t.testdir())
  const notFound = { name: 'StageError', reason: 'SourceNotFound' }
  await t.rejects(fetchDataFile('file://none.jsonl', options), {
    ...notFound,
    message: `file://${options.fileRoot}/none.jsonl does not exist: there is no none.jsonl in ${options.fileRoot}; check the path`,
  })
  await t.rejects(fetchDataFile('file://a/b/none.jsonl', options), {
    ...notFound,
    message: `file://${options.fileRoot}/a/b/none.jsonl does not exist: there is no a in ${options.fileRoot}; check the path`,
  })
  await t.rejects(fetchModel('pvc://none/x', options), {
    ...notFound,
    message: `pvc://none/x does not exist: there is no none in ${options.pvcRoot}; check the path`,
  })
  mkdirSync(join(options.fileRoot, 'empty'))
  await t.rejects(fetchModel('file://empty', options), {
    ...notFound,
    message: `file://${options.fileRoot}/empty has no weights; *.safetensors or one *.gguf is needed`,
  })
  await t.rejects(fetchDataFile('file://empty', options), {
    name: 'StageError',
    reason: 'InvalidSpec',
    message: `file://${options.fileRoot}/empty is a folder; name one file in it`,
  })
  write(options.fileRoot, 'shards', 'x.txt')
  writeFileSync(
    join(options.fileRoot, 'shards/model.safetensors.index.json'),
    JSON.stringify({ weight_map: { a: 'model-1.safetensors' } }),
  )
  await t.rejects(fetchModel('file://shards', options), {
    ...notFound,
    message: /model-1\.safetensors/,
  })
})
