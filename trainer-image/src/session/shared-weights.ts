/**
 * The frozen weights in memory that several threads see. Each session that maps the weights file has a mapping of its
 * own, which counts again for the process; these are fed to all of them.
 */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { Tensor } from 'onnxruntime-node'
import type { ExternalData, Graph } from '../graph/node.ts'
import { known } from '../graph/shapes.ts'
import type { ModelConfig } from '../model/config.ts'
import type { Feeds } from './batch-feeds.ts'
import { endOf, readWhole, type StoredWeight } from './weights-file.ts'

/** What the weights file holds, each tensor where it lies there. */
export type SharedWeights = SharedArrayBuffer

const readInto = async (
  shared: SharedWeights,
  path: string,
  places: readonly ExternalData[],
): Promise<void> => {
  const file = await open(path)
  try {
    for (const { offset, bytes } of places) {
      const there = new Uint8Array(shared, offset, bytes)
      for (let done = 0; done < bytes; ) {
        const { bytesRead } = await file.read(there, done, bytes - done, offset + done)
        if (bytesRead === 0) throw new Error(`${path} ends before byte ${offset + bytes}`)
        done += bytesRead
      }
    }
  } finally {
    await file.close()
  }
}

/** @returns memory for what is stored, which takes none before it is read */
export const roomForShared = (stored: readonly StoredWeight[]): SharedWeights =>
  new SharedArrayBuffer(endOf(stored))

/** @param folder holds the weights file @param stored not in few bits */
export const readShared = async (
  shared: SharedWeights,
  folder: string,
  stored: readonly StoredWeight[],
  config: ModelConfig,
): Promise<void> => {
  const places = readWhole(stored, config).map(({ external }) => external)
  await readInto(shared, join(folder, places[0]!.location), places)
}

/** @returns the graph with the weights among its inputs, and what to feed them */
export const fedFrom = (
  shared: SharedWeights,
  graph: Graph,
): { readonly graph: Graph; readonly feeds: Feeds } => {
  const mapped = graph.initializers.filter(initializer => 'external' in initializer)
  const feeds = mapped.map(({ value: { name, type, shape }, external: { offset, bytes } }) => {
    if (type !== 'float32') throw new TypeError(`${name} is ${type} and is not fed`)
    const data = new Float32Array(shared, offset, bytes / Float32Array.BYTES_PER_ELEMENT)
    return [name, new Tensor(type, data, known(shape))] as const
  })
  return {
    graph: {
      ...graph,
      inputs: [...graph.inputs, ...mapped.map(({ value }) => value)],
      initializers: graph.initializers.filter(initializer => !('external' in initializer)),
    },
    feeds: Object.fromEntries(feeds),
  }
}
