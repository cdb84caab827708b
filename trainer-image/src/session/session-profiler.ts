/** ONNX Runtime's profiler on the first runs of the first sessions: how long each operator took. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { InferenceSession } from 'onnxruntime-node'

/** The first of a session's runs makes its buffers and is not counted by who reads the profile. */
const RUNS = 5
/** Rows of another length have a session of their own; the profiles of a few say enough. */
const MAX_SHAPES = 4

/** Only these are told of their runs; the profile of another would grow for as long as it lives. */
const STEPS = /^(train|norm|update)/

type Options = Pick<InferenceSession.SessionOptions, 'enableProfiling' | 'profileFilePrefix'>

export class SessionProfiler {
  readonly #folder: string
  readonly #runs = new Map<InferenceSession, number>()
  #opened = 0
  #shapes = 0

  /** @param folder gets a file for each session, named after its key, when it has run often enough or is released */
  constructor(folder: string) {
    this.#folder = folder
    // of a process that was killed
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
  }

  /** @returns what a session that is about to be made needs */
  options(key: string): Options {
    if (!STEPS.test(key)) return {}
    if (key.startsWith('train')) {
      if (this.#shapes >= MAX_SHAPES) return {}
      this.#shapes += 1
    }
    this.#opened += 1
    return {
      enableProfiling: true,
      profileFilePrefix: join(this.#folder, `${key}_${this.#opened}`),
    }
  }

  /** Called when a session has done its part of a step, in however many runs. */
  ran(session: InferenceSession): void {
    const runs = (this.#runs.get(session) ?? 0) + 1
    this.#runs.set(session, runs)
    // on one that is not profiled this does nothing
    if (runs === RUNS) session.endProfiling()
  }
}
