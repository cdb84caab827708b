/** Reasons of a job that waits for something outside it. */
import type { Reason } from '../conditions.ts'
import type { Advice } from './advice.ts'

export const WAITS = {
  WaitingForModel: {
    operator: 'Waits, and goes on as soon as the catalogue or the policy changes.',
    you: 'Compare `spec.model.ref.name` with `kubectl get basemodels`; ask the administrator for the entry, or give `spec.model.source`.',
  },
  CatalogueNotRead: {
    operator:
      'Waits; it was installed for a list of namespaces, without a right in the whole cluster.',
    you: 'Give `spec.model.source`, or ask the administrator to install it with `rbac.clusterReads: true`.',
  },
  NoModelFits: {
    operator:
      'Waits, and goes on as soon as a BaseModel fits. The message names the nearest ones and what each misses; `status.selection.rejected` has more.',
    you: 'Ask for less in `spec.model.selector.require`, or have a model added to the catalogue. A fact that an entry does not publish does not meet a requirement on it.',
  },
  Waiting: {
    seenAs: ['exceeded quota', 'FailedCreate', 'FailedCreatePodSandBox', 'ContainerCreating'],
    operator:
      'Tries again by itself, at least once a minute, and goes on as soon as it can. A pod that waits counts towards `retry.deadlineSeconds`.',
    you: 'The message is that of Kubernetes: raise the quota, remove the object whose name is taken, or wait for the older pod to end. `kubectl describe` of the object it names says more.',
  },
  Unschedulable: {
    seenAs: [
      'FailedScheduling',
      'Insufficient nvidia.com/gpu',
      'node(s) had untolerated taint',
      'pod has unbound immediate PersistentVolumeClaims',
    ],
    operator:
      'Says so after 30 s, with an Event, and waits: a node may be added or get free. After `retry.deadlineSeconds` the run fails with DeadlineExceeded.',
    you: 'Compare what the message misses with `resources`, `resources.accelerator`, `podTemplate.nodeSelector` and `tolerations`. A claim that is unbound needs a StorageClass (`workspace.storageClassName`); one that is not found is named in a `pvc://` URI.',
  },
  ImagePullBackOff: {
    seenAs: [
      'ErrImagePull',
      'ErrImageNeverPull',
      'InvalidImageName',
      'ImageInspectError',
      'RegistryUnavailable',
      'SignatureValidationFailed',
    ],
    operator:
      'Says so with an Event and waits; the kubelet pulls again, every five minutes at last. After `retry.deadlineSeconds` the run fails with DeadlineExceeded.',
    you: 'The image is `trainerImage` of the operator: mend it there, push the image, or name a pull secret in `podTemplate.imagePullSecrets`. A Job keeps the image that it was made with: suspend and resume the job for the new one.',
  },
  FailedMount: {
    seenAs: ['FailedAttachVolume', 'FailedMapVolume', 'ContainerCreating', 'Multi-Attach error'],
    operator:
      'Says so after 30 s, in the words of the kubelet and with an Event, and waits; the kubelet tries again. After `retry.deadlineSeconds` the run fails with DeadlineExceeded.',
    you: 'Look at the volume that the message names: whether the storage is there, whether another node still holds it (a claim that is ReadWriteOnce), whether its driver runs on the node.',
  },
  CreateContainerError: {
    seenAs: ['CreateContainerConfigError', 'RunContainerError', 'secret not found'],
    operator:
      'Says so with an Event and waits; the kubelet tries again. After `retry.deadlineSeconds` the run fails with DeadlineExceeded.',
    you: 'Make the Secret that `credentialsSecret` names, in the namespace of the job, with the key `token`. The pod starts by itself then.',
  },
  NodeNotResponding: {
    seenAs: ['Terminating', 'NotReady', 'node.kubernetes.io/unreachable', 'NodeLost'],
    operator:
      'Says so with an Event, a minute after the grace period of a pod that was told to end, and waits: nobody knows whether the pod still writes, and two pods must never write to one workspace. Neither it nor Kubernetes replaces the pod until its node says that it has ended, or the node is given up.',
    you: 'Nothing, if the node comes back. If it is switched off for good, an administrator gives it up: `kubectl delete node NAME`, or `kubectl taint node NAME node.kubernetes.io/out-of-service=nodeshutdown:NoExecute`. Within about a minute Kubernetes removes its pods, and the work goes on from the checkpoint, at no retry. Make sure first that the machine is off: one that is only cut off from the network still writes. A volume that lies on its disk is lost with it: delete the claim, and the run starts anew on another.',
  },
} as const satisfies Readonly<Partial<Record<Reason, Advice>>>
