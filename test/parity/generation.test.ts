import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { Tensor } from '../../trainer-image/src/model/adapter.ts'
import { readModelConfig } from '../../trainer-image/src/model/read-config.ts'
import { createGenerator } from '../../trainer-image/src/session/generator.ts'
import { openWeights } from '../../trainer-image/src/weights/open-weights.ts'

type Expected = {
  readonly versions: Readonly<Record<string, string>>
  readonly maxNewTokens: number
  readonly prompts: readonly (readonly number[])[]
  readonly base: readonly (readonly number[])[]
  readonly tuned: readonly (readonly number[])[]
}

const FOLDER = join(import.meta.dirname, '../fixtures/generation')
const expected = JSON.parse(await readFile(join(FOLDER, 'expected.json'), 'utf8')) as Expected

/** Header: 8 bytes of length, then JSON of name → {shape, data_offsets}; float32 data after it. */
const readTensors = async (path: string): Promise<Map<string, Tensor>> => {
  const bytes = await readFile(path)
  const start = 8 + Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as Record<
    string,
    { readonly shape: number[]; readonly data_offsets: [number, number] }
  >
  const tensors = Object.entries(header).filter(([name]) => name !== '__metadata__')
  return new Map(
    tensors.map(
      ([
        name,
        {
          shape,
          data_offsets: [from, to],
        },
      ]) => {
        const data = new Float32Array(
          new Uint8Array(bytes.subarray(start + from, start + to)).buffer,
        )
        return [name, { shape, data }]
      },
    ),
  )
}

t.test('greedy answers equal those of transformers and PEFT', async t => {
  t.comment(`recorded with ${JSON.stringify(expected.versions)}`)
  const weights = await openWeights(FOLDER)
  const settings = JSON.parse(
    await readFile(join(FOLDER, 'adapter/adapter_config.json'), 'utf8'),
  ) as { readonly r: number; readonly lora_alpha: number; readonly target_modules: string[] }
  const generator = await createGenerator({
    config: await readModelConfig(FOLDER),
    weights,
    adapterConfig: {
      rank: settings.r,
      alpha: settings.lora_alpha,
      targetModules: settings.target_modules,
    },
    adapter: await readTensors(join(FOLDER, 'adapter/adapter_model.safetensors')),
    scratchFolder: t.testdir(),
    threads: 1,
  })
  t.teardown(async () => {
    await generator.close()
    await weights.close()
  })
  const prompts = expected.prompts.map(prompt => Int32Array.from(prompt))
  for (const model of ['base', 'tuned'] as const) {
    for (const batchSize of [1, 5, 12]) {
      const answers = await generator.generate(prompts, {
        model,
        maxNewTokens: expected.maxNewTokens,
        batchSize,
        signal: new AbortController().signal,
      })
      t.same(
        answers.map(answer => [...answer]),
        expected[model],
        `${model}, ${batchSize} at once`,
      )
    }
  }
})
