/** A JSON object of a model folder, read within a size bound. */
import { readFile, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { modelMalformed } from '../stage-error.ts'

export type JsonObject = { readonly [key: string]: unknown }

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** @returns undefined where there is no such file */
export const readJsonObject = async (
  path: string,
  maxBytes: number,
): Promise<JsonObject | undefined> => {
  const text = await readTextFile(path, maxBytes)
  if (text === undefined) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw modelMalformed(`${basename(path)} of the model is not JSON: ${cause}; fetch it again`, {
      cause,
    })
  }
  if (!isJsonObject(value)) throw modelMalformed(`${basename(path)} of the model is not an object`)
  return value
}

/** @returns undefined where there is no such file */
export const readTextFile = async (path: string, maxBytes: number): Promise<string | undefined> => {
  const info = await stat(path).catch(() => undefined)
  if (!info?.isFile()) return undefined
  if (info.size > maxBytes)
    throw modelMalformed(
      `${basename(path)} of the model has ${info.size} bytes, at most ${maxBytes} are read`,
    )
  return readFile(path, 'utf8')
}
