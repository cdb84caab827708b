/** The tuned model as a decoder for ONNX Runtime, in float32, its weights beside it as external data. */
import { open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { GraphBuilder } from '../../graph/build.ts'
import { writeOnnx } from '../../graph/write-onnx.ts'
import { tableNames } from '../../model/architectures/cached-attention.ts'
import type { ModelConfig } from '../../model/config.ts'
import { ropesOf, rotaryTables } from '../../model/rotary.ts'
import { type StoredTensors, writeGeneratorWeights } from '../../session/generator-weights.ts'
import { textFiles } from '../merged/text-files.ts'
import type { FolderWriter, PublishedModel } from '../published-model.ts'
import { exportGraph } from './export-graph.ts'
import { genaiConfig } from './genai-config.ts'

const MODEL_FILE = 'model.onnx'
const WEIGHTS_FILE = 'model.onnx.data'
const TABLES_FILE = 'rotary.onnx.data'
const CONFIG_FILE = 'genai_config.json'

const NO_ADAPTER = { rank: 1, alpha: 1, targetModules: [] }

/** Cosines and sines of every position that the model has. */
const writeTables = async (folder: string, config: ModelConfig): Promise<StoredTensors> => {
  const tables = new Map()
  const file = await open(join(folder, TABLES_FILE), 'wx')
  try {
    let offset = 0
    for (const rope of ropesOf(config)) {
      const { cos, sin, half } = rotaryTables(config, rope, config.maxPositions)
      const names = tableNames(rope)
      for (const [name, data] of [
        [names.cos, cos],
        [names.sin, sin],
      ] as const) {
        await file.writeFile(new Uint8Array(data.buffer))
        const external = { location: TABLES_FILE, offset, bytes: data.byteLength }
        tables.set(name, { shape: [config.maxPositions, half], external })
        offset += data.byteLength
      }
    }
    return tables
  } finally {
    await file.close()
  }
}

const defineAll = (stored: StoredTensors) => (g: GraphBuilder) => {
  const values = new Map(
    [...stored].map(([name, { shape, external }]) => [
      name,
      g.external(name, 'float32', shape, external),
    ]),
  )
  return (name: string) => values.get(name)
}

export const onnxModel = async (model: PublishedModel): Promise<FolderWriter> => {
  const { config, weights } = model
  const texts = new Map(await textFiles(model, 'F32'))
  const genai = genaiConfig(model)
  if (genai) texts.set(CONFIG_FILE, `${JSON.stringify(genai, null, 2)}\n`)
  const write = async (folder: string) => {
    const merged = { config, weights, adapterConfig: NO_ADAPTER, adapter: new Map() }
    const path = join(folder, WEIGHTS_FILE)
    const stored = await writeGeneratorWeights(path, WEIGHTS_FILE, merged)
    const tables = await writeTables(folder, config)
    const graph = exportGraph(config, defineAll(new Map([...stored, ...tables])))
    await writeFile(join(folder, MODEL_FILE), writeOnnx(graph))
    for (const [name, text] of texts) await writeFile(join(folder, name), text)
  }
  return { files: [MODEL_FILE, WEIGHTS_FILE, TABLES_FILE, ...texts.keys()], write }
}
