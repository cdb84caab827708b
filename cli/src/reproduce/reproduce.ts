/** `attune run --reproduce`: trains a published run again and compares what comes of it. */
import { mkdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { API_VERSION } from '@attune/crds/api-group.ts'
import { KIND } from '@attune/crds/instruction-tuning-job.ts'
import { EXIT } from '@attune/crds/stage.ts'
import { courseKey, prepareKey } from '@attune/crds/stage-keys.ts'
import { surroundings } from '@attune/trainer/publish/provenance.ts'
import { sourcesOf } from '@attune/trainer/publish/sources.ts'
import { stageFolder } from '@attune/trainer/stages/stage-folders.ts'
import { PIECES_FILE, writePieces } from '@attune/trainer/train/pieces.ts'
import { CliError } from '../cli-error.ts'
import {
  type Session,
  type SessionOptions,
  withJobSession,
  writeJobFile,
} from '../stage/open-session.ts'
import { type Results, runStages } from '../stage/run-stages.ts'
import { unfinishedError } from '../stage/stopped-or-failed.ts'
import { clearStages, trainedFolder } from '../workspace/layout.ts'
import { otherSources, otherSurroundings } from './differences.ts'
import { pinnedSpec } from './pinned-spec.ts'
import { type Recorded, readProvenance } from './read-provenance.ts'

const lines = (texts: readonly string[]) => texts.map(text => `\n  ${text}`).join('')

const stageOf = async (stage: 'prepare' | 'train', session: Session, done: Results) => {
  const end = await runStages([stage], session, done)
  if (end.kind === 'failed' || end.kind === 'stopped')
    throw unfinishedError(end, session.interrupts.killed())
  const digest = end.results[stage]?.digest
  if (digest === undefined) throw new CliError(`${stage} left no digest`)
  return { results: end.results, digest }
}

const checkSources = async (recorded: Recorded, { job, workspace }: Session) => {
  const folder = stageFolder(workspace, 'prepare', prepareKey(job.spec))
  const other = otherSources(recorded, await sourcesOf(job.spec, folder))
  if (other.length > 0)
    throw new CliError(
      `the run was trained on other content, so nothing is trained:${lines(other)}`,
      EXIT.data,
    )
}

/** Before Train decides for itself; what an earlier attempt has begun with is the same. */
const pinPieces = async ({ computed }: Recorded, session: Session, prepared: string) => {
  if (!computed) {
    session.view.say(
      'the run did not note its micro-batches and threads: other ones round otherwise',
    )
    return
  }
  const course = stageFolder(session.workspace, 'train', courseKey(session.job.spec, prepared))
  await mkdir(course, { recursive: true })
  await writePieces(join(course, PIECES_FILE), computed)
}

const tell = (recorded: Recorded, trained: string, folder: string, other: readonly string[]) => {
  const { name, run } = recorded.job
  const place = relative(process.cwd(), folder) || '.'
  if (trained === recorded.trained) {
    process.stdout.write(`run ${run} of ${name} is reproduced: the same bytes, in ${place}\n`)
    return
  }
  const why =
    other.length > 0
      ? `  these differ and may round otherwise:${lines(other)}`
      : '  sources, versions and machine are the same; if training ran out of memory in between, an earlier trainer did not note its smaller micro-batches'
  throw new CliError(
    `run ${run} of ${name} is not reproduced: digest ${trained} instead of ${recorded.trained}\n${why}\n  what was trained now lies in ${place}`,
  )
}

const reproduceIn = async (recorded: Recorded, session: Session, fresh: boolean) => {
  const other = otherSurroundings(recorded, surroundings())
  if (other.length > 0) session.view.say(`other than when the run was published:${lines(other)}`)
  if (fresh) await clearStages(session.workspace)
  await writeJobFile(session, recorded.job.run)
  const prepared = await stageOf('prepare', session, {})
  await checkSources(recorded, session)
  await pinPieces(recorded, session, prepared.digest)
  const { results, digest } = await stageOf('train', session, prepared.results)
  tell(recorded, digest, trainedFolder(session.workspace, results.train?.key ?? ''), other)
}

export type ReproduceOptions = SessionOptions & { readonly fresh?: boolean }

/** Paths of `file://` sources are resolved against the current folder. */
export const reproduce = async (file: string, options: ReproduceOptions): Promise<void> => {
  const recorded = await readProvenance(file)
  const { name, namespace, run } = recorded.job
  const job = {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name, namespace },
    spec: pinnedSpec(recorded),
  } as const
  const workspace = options.workspace ?? join('.attune', `reproduce-${name}-${run}`)
  await withJobSession({ job, workspace, fileRoot: process.cwd() }, options.mount, session =>
    reproduceIn(recorded, session, options.fresh ?? false),
  )
}
