/** The volume that the stages of a job share. */
import type { Manifest } from '../../kube/kube-client.ts'
import { controllerReference } from '../../kube/kube-object.ts'
import type { InstructionTuningJob } from '../kinds.ts'
import { labelsOf, workspaceName } from '../names.ts'

export const workspace = (job: InstructionTuningJob): Manifest => {
  const { name, namespace } = job.metadata
  const { size, storageClassName } = job.spec?.workspace ?? {}
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: workspaceName(name),
      ...(namespace ? { namespace } : {}),
      labels: labelsOf(job),
      ownerReferences: [controllerReference(job)],
    },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: String(size) } },
      ...(storageClassName ? { storageClassName } : {}),
    },
  }
}
