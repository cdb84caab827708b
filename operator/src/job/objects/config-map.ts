/** The job file of one run, as its stages read it. */
import { API_VERSION } from '@attune/crds/api-group.ts'
import type { JobFile } from '@attune/crds/stage.ts'
import { stageSpec } from '@attune/crds/stage-spec.ts'
import type { Manifest } from '../../kube/kube-client.ts'
import { controllerReference } from '../../kube/kube-object.ts'
import type { InstructionTuningJob } from '../kinds.ts'
import { configMapName, labelsOf } from '../names.ts'

export const JOB_FILE = 'job.json'

export const configMap = (job: InstructionTuningJob, run: number): Manifest => {
  const { name, namespace = '' } = job.metadata
  if (!job.spec) throw new TypeError(`${name} has no spec`)
  const spec = stageSpec(job.spec)
  const file: JobFile = { apiVersion: API_VERSION, name, namespace, run, spec }
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: configMapName(name, run),
      ...(namespace ? { namespace } : {}),
      labels: labelsOf(job, { run }),
      ownerReferences: [controllerReference(job)],
    },
    immutable: true,
    data: { [JOB_FILE]: `${JSON.stringify(file, null, 2)}\n` },
  }
}
