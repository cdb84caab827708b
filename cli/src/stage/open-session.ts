/** What `run` and `plan` have in common: the job read, the workspace locked, Ctrl-C caught. */
import { mkdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { API_VERSION } from '@attune/crds/api-group.ts'
import type { JobFile } from '@attune/crds/stage.ts'
import { writeFileAtomically } from '@attune/trainer/atomic-file.ts'
import { readCatalogue, type StageReadyJob, withModel } from '../catalogue.ts'
import { CliError, causeOf } from '../cli-error.ts'
import { readManifest } from '../read-manifest.ts'
import { createProgressView } from '../view/progress-view.ts'
import { type Mounts, mountClaims } from '../workspace/claims.ts'
import { createWorkspace, defaultWorkspace, jobFile } from '../workspace/layout.ts'
import { lockWorkspace } from '../workspace/lock.ts'
import { createInterrupts } from './interrupts.ts'
import type { StagesContext } from './run-stages.ts'

export type SessionOptions = {
  readonly workspace?: string
  readonly mount: Mounts
  /** folder of BaseModels */
  readonly catalogue?: string
}
export type Session = StagesContext & { readonly job: StageReadyJob }

const create = async (workspace: string): Promise<void> => {
  try {
    await mkdir(workspace, { recursive: true })
    await createWorkspace(workspace)
  } catch (cause) {
    throw new CliError(`${workspace}: cannot be written (${causeOf(cause)})`, 1, { cause })
  }
}

type JobSession = Pick<Session, 'job' | 'fileRoot'> & { readonly workspace: string }

/** @param work gets the session; the lock is released when it is done, however it ends */
export const withJobSession = async <T>(
  given: JobSession,
  mounts: Mounts,
  work: (session: Session) => Promise<T>,
): Promise<T> => {
  const { job, fileRoot } = given
  const workspace = resolve(given.workspace)
  await create(workspace)
  const lock = await lockWorkspace(workspace)
  const view = createProgressView(process.stderr)
  const interrupts = createInterrupts(view.say)
  try {
    const pvcRoot = await mountClaims(workspace, job.spec, mounts)
    return await work({ job, workspace, fileRoot, pvcRoot, lock, interrupts, view })
  } finally {
    interrupts.dispose()
    await lock.release()
  }
}

/** The same for the job of a manifest. */
export const withSession = async <T>(
  manifest: string,
  options: SessionOptions,
  work: (session: Session) => Promise<T>,
): Promise<T> => {
  const folder = options.catalogue
  const written = await readManifest(manifest, folder ? await readCatalogue(folder) : [])
  const { job, baseModel } = withModel(written.job, written.catalogue)
  const workspace = options.workspace ?? defaultWorkspace(manifest, job.metadata.name)
  const fileRoot = dirname(resolve(manifest))
  return withJobSession({ job, workspace, fileRoot }, options.mount, session => {
    if (baseModel !== undefined)
      session.view.say(`model ${baseModel}: ${job.spec.model.source.uri}`)
    return work(session)
  })
}

export const writeJobFile = (
  { job, workspace }: Pick<Session, 'job' | 'workspace'>,
  run: number,
): Promise<void> => {
  const content: JobFile = {
    apiVersion: API_VERSION,
    name: job.metadata.name,
    namespace: job.metadata.namespace ?? 'default',
    run,
    spec: job.spec,
  }
  return writeFileAtomically(jobFile(workspace), `${JSON.stringify(content, null, 2)}\n`)
}
