/** The `batch/v1` Job of a stage: Kubernetes retries, times out and replaces its pod. */
import { EXIT, PERMANENT_EXIT_CODES, type TrainerStage } from '@attune/crds/stage.ts'
import type { Manifest } from '../../kube/kube-client.ts'
import { controllerReference } from '../../kube/kube-object.ts'
import { labelsOf, RETRIES_ANNOTATION, stageJobName } from '../names.ts'
import { CONTAINER } from '../pod-state.ts'
import { queueAnnotations, queueLabels } from '../queue/queue-labels.ts'
import { ENDS_JOB, endsWhenKilled, TERMINATED } from '../retry-after-kill.ts'
import { type StagePod, stagePod } from './stage-pod.ts'

const onExitCodes = (action: string, values: readonly number[]) => ({
  action,
  onExitCodes: { containerName: CONTAINER, operator: 'In', values },
})

/** The first rule that fits decides: lost nodes and saved checkpoints cost no retry. */
export const podFailurePolicy = (stage: TrainerStage) => ({
  rules: [
    { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
    onExitCodes('Ignore', [EXIT.stopped, TERMINATED]),
    onExitCodes('FailJob', PERMANENT_EXIT_CODES),
    // Kubernetes would try again with the same pod
    ...(endsWhenKilled(stage) ? [onExitCodes('FailJob', ENDS_JOB)] : []),
  ],
})

export const stageJob = (pod: StagePod): Manifest => {
  const { job, run, stage, retries } = pod
  const { name, namespace } = job.metadata
  const annotations = {
    ...(retries > 0 ? { [RETRIES_ANNOTATION]: String(retries) } : {}),
    ...(job.spec ? queueAnnotations(job.spec) : {}),
  }
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: stageJobName(name, run, stage),
      ...(namespace ? { namespace } : {}),
      labels: { ...labelsOf(job, { run, stage }), ...(job.spec ? queueLabels(job.spec) : {}) },
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
      ownerReferences: [controllerReference(job)],
    },
    spec: {
      // without Kueue's webhook the pod would start before the queue is asked
      ...(job.spec?.queueName ? { suspend: true } : {}),
      completions: 1,
      parallelism: 1,
      backoffLimit: Math.max(0, (job.spec?.retry.limit ?? 0) - retries),
      activeDeadlineSeconds: job.spec?.retry.deadlineSeconds,
      // a pod that still ends holds the checkpoint folder and the accelerator
      podReplacementPolicy: 'Failed',
      podFailurePolicy: podFailurePolicy(stage),
      template: stagePod(pod),
    },
  }
}
