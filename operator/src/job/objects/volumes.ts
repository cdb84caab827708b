/** What a stage's pod mounts: its workspace, its job file, and only the claims that this stage needs. */
import type { Stage } from '@attune/crds/stage.ts'
import type { InstructionTuningJob } from '../kinds.ts'
import { configMapName, workspaceName } from '../names.ts'
import { claimOf, sourceClaims } from '../spec-rules.ts'

export const WORKSPACE_PATH = '/workspace'
export const JOB_FILE_FOLDER = '/etc/attune'
export const PVC_ROOT = '/mnt/pvc'

export type Mount = {
  readonly volume: { readonly name: string; readonly [source: string]: unknown }
  readonly mount: { readonly mountPath: string; readonly readOnly?: boolean }
}

/** Read-only by the mount and not by the volume: some drivers cannot attach a volume read-only. */
export const claimMount = (claim: string, index: number, readOnly: boolean): Mount => ({
  volume: { name: `claim-${index}`, persistentVolumeClaim: { claimName: claim } },
  mount: { mountPath: `${PVC_ROOT}/${claim}`, ...(readOnly ? { readOnly } : {}) },
})

const claimMounts = (job: InstructionTuningJob, stage: Stage): readonly Mount[] => {
  if (!job.spec) return []
  if (stage === 'prepare')
    return sourceClaims(job.spec).map((claim, index) => claimMount(claim, index, true))
  const output = stage === 'publish' ? claimOf(job.spec.output.uri) : undefined
  return output ? [claimMount(output, 0, false)] : []
}

const mounts = (job: InstructionTuningJob, run: number, stage: Stage): readonly Mount[] => [
  {
    volume: {
      name: 'workspace',
      persistentVolumeClaim: { claimName: workspaceName(job.metadata.name) },
    },
    mount: { mountPath: WORKSPACE_PATH },
  },
  {
    volume: { name: 'job', configMap: { name: configMapName(job.metadata.name, run) } },
    mount: { mountPath: JOB_FILE_FOLDER, readOnly: true },
  },
  { volume: { name: 'tmp', emptyDir: {} }, mount: { mountPath: '/tmp' } },
  ...claimMounts(job, stage),
]

export const volumes = (job: InstructionTuningJob, run: number, stage: Stage) => {
  const all = mounts(job, run, stage)
  return {
    volumes: all.map(({ volume }) => volume),
    volumeMounts: all.map(({ volume, mount }) => ({ name: volume.name, ...mount })),
  }
}
