/** The `batch/v1` Job of a stage: Kubernetes retries, times out and replaces its pod. */
import { EXIT, PERMANENT_EXIT_CODES } from '@attune/crds/stage.ts'
import type { Manifest } from '../../kube/kube-client.ts'
import { controllerReference } from '../../kube/kube-object.ts'
import { labelsOf, stageJobName } from '../names.ts'
import { CONTAINER } from '../pod-state.ts'
import { type StagePod, stagePod } from './stage-pod.ts'

const onExitCodes = (action: string, values: readonly number[]) => ({
  action,
  onExitCodes: { containerName: CONTAINER, operator: 'In', values },
})

/** The first rule that fits decides: lost nodes and saved checkpoints cost no retry. */
const podFailurePolicy = {
  rules: [
    { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
    onExitCodes('Ignore', [EXIT.stopped]),
    onExitCodes('FailJob', PERMANENT_EXIT_CODES),
  ],
}

export const stageJob = (pod: StagePod): Manifest => {
  const { job, run, stage } = pod
  const { name, namespace } = job.metadata
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: stageJobName(name, run, stage),
      ...(namespace ? { namespace } : {}),
      labels: labelsOf(job, { run, stage }),
      ownerReferences: [controllerReference(job)],
    },
    spec: {
      completions: 1,
      parallelism: 1,
      backoffLimit: job.spec?.retry.limit,
      activeDeadlineSeconds: job.spec?.retry.deadlineSeconds,
      // a pod that still ends holds the checkpoint folder and the accelerator
      podReplacementPolicy: 'Failed',
      podFailurePolicy,
      template: stagePod(pod),
    },
  }
}
