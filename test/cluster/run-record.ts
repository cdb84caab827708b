/** What a run of the harness has put on the machine, on disk before it happens where that can be. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { withLock } from './lock.ts'
import { runsFolder } from './paths.ts'
import { identify, isAlive, type ProcessId } from './processes.ts'
import { removeFolder, removeTrace, type Trace } from './traces.ts'

type RunState = {
  /** Without an owner a run stays until `cluster:down`. */
  readonly owner: ProcessId | undefined
  readonly traces: readonly Trace[]
}

export type RunRecord = {
  readonly name: string
  /** A folder of this run's own, removed with it. */
  readonly folder: string
  add(trace: Trace): void
  /** Removes a trace from the machine and from the record. */
  remove(trace: Trace): Promise<void>
  /** Removes every trace, the newest first, then the record. */
  clean(): Promise<void>
}

const fileOf = (name: string): string => join(runsFolder, `${name}.json`)

const readState = (name: string): RunState =>
  JSON.parse(readFileSync(fileOf(name), 'utf8')) as RunState

const writeState = (name: string, state: RunState): void => {
  const file = fileOf(name)
  writeFileSync(`${file}.tmp`, JSON.stringify(state, null, 2), { mode: 0o600 })
  renameSync(`${file}.tmp`, file)
}

/** What cannot be removed stays in the record, for the next run to try again. */
const cleanState = async (name: string, state: RunState): Promise<void> => {
  const errors: unknown[] = []
  const left: Trace[] = []
  for (const trace of state.traces.toReversed()) {
    try {
      await removeTrace(trace)
    } catch (error) {
      errors.push(error)
      left.unshift(trace)
    }
  }
  if (errors.length > 0) {
    writeState(name, { ...state, traces: left })
    throw new AggregateError(errors, `cannot remove everything that run ${name} has started`)
  }
  removeFolder(join(runsFolder, name))
  rmSync(fileOf(name), { force: true })
}

export type RunOptions = {
  readonly name?: string
  /** Stays after this process has ended. */
  readonly stays?: boolean
}

export const openRun = ({ name, stays = false }: RunOptions = {}): RunRecord => {
  const id = name ?? `${process.pid}-${Date.now().toString(36)}`
  const folder = join(runsFolder, id)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  let state: RunState = { owner: stays ? undefined : identify(process.pid), traces: [] }
  const save = (traces: readonly Trace[]): void => {
    state = { ...state, traces }
    writeState(id, state)
  }
  save([])
  return {
    name: id,
    folder,
    add: trace => save([...state.traces, trace]),
    remove: async trace => {
      await removeTrace(trace)
      save(state.traces.filter(other => other !== trace))
    },
    clean: () => cleanState(id, state),
  }
}

export const runNames = (): string[] => {
  mkdirSync(runsFolder, { recursive: true, mode: 0o700 })
  return readdirSync(runsFolder)
    .filter(file => file.endsWith('.json'))
    .map(file => file.slice(0, -'.json'.length))
}

/** Undefined also for a run that ended just now. */
const ownerOf = (name: string): ProcessId | undefined =>
  existsSync(fileOf(name)) ? readState(name).owner : undefined

export type LiveRun = { readonly name: string; readonly pids: readonly number[] }

/** Runs that a living process or `cluster:up` has under way. */
export const liveRuns = (): LiveRun[] =>
  runNames()
    .filter(name => existsSync(fileOf(name)))
    .map(name => ({ name, state: readState(name) }))
    .filter(({ state: { owner } }) => owner === undefined || isAlive(owner))
    .map(({ name, state }) => ({
      name,
      pids: state.traces.flatMap(each => (each.kind === 'process' ? [each.id.pid] : [])),
    }))

/** Removes what the named run left, whoever owned it. */
export const cleanRun = (name: string): Promise<void> => cleanState(name, readState(name))

/** Removes what runs left whose process is dead: they crashed or were killed. */
export const cleanCrashedRuns = (): Promise<void> =>
  withLock('clean', async () => {
    for (const name of runNames()) {
      const owner = ownerOf(name)
      if (owner !== undefined && !isAlive(owner)) await cleanRun(name)
    }
  })
