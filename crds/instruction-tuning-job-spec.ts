/** `InstructionTuningJob.spec`: every field once, with its type, bounds, default, description and rules. */
import { defaulted, object, optional, type Static, Type } from './schema.ts'
import { volumeSize } from './spec/common.ts'
import { Dataset } from './spec/dataset.ts'
import { Evaluation } from './spec/evaluation.ts'
import { Method } from './spec/method.ts'
import { Model } from './spec/model.ts'
import { Output } from './spec/output.ts'
import { PodTemplate } from './spec/pod-template.ts'
import { Resources } from './spec/pods.ts'
import { priorityClassName, queueName } from './spec/queue.ts'
import { Retry } from './spec/retry.ts'
import { Training } from './spec/training.ts'

export const InstructionTuningJobSpecSchema = object(
  {
    model: Model,
    dataset: Dataset,
    method: Method,
    training: Training,
    evaluation: Evaluation,
    output: Output,
    resources: Resources,
    workspace: defaulted(
      {
        size: volumeSize('Size of the volume that the stages share.', '20Gi'),
        storageClassName: optional(
          Type.String({ maxLength: 253, description: "StorageClass; default is the cluster's." }),
        ),
      },
      { description: 'The volume that the stages share.' },
    ),
    podTemplate: PodTemplate,
    queueName,
    priorityClassName,
    suspend: optional(
      Type.Boolean({
        default: false,
        description: 'Stop with a checkpoint and free the pod; false goes on.',
      }),
    ),
    retry: Retry,
    ttlSecondsAfterFinished: optional(
      Type.Integer({
        minimum: 0,
        maximum: 31_536_000,
        description:
          "After this time the job's Jobs, pods and workspace are removed, never the object itself, nor the ConfigMaps that hold the specs of the runs in `status.runs`.",
      }),
    ),
    runHistoryLimit: optional(
      Type.Integer({ minimum: 1, maximum: 50, default: 5, description: 'Runs kept in status.' }),
    ),
  },
  {
    description: 'What to tune, on what, how, and where to.',
    'x-kubernetes-validations': [
      {
        rule: "self.method.type != 'Full' || !has(self.output.formats) || !self.output.formats.exists(format, format == 'Adapter')",
        fieldPath: '.output.formats',
        message: 'method.type Full makes no Adapter; take Merged, ONNX or GGUF',
      },
      {
        rule: "!has(self.training.precision) || self.training.precision == 'FP32' || has(self.resources.accelerator)",
        fieldPath: '.training.precision',
        message:
          'FP16 and BF16 are computed by an accelerator: ask for one in resources.accelerator, or take FP32',
      },
      {
        // what an InstructionDataset has is not known here
        rule: 'has(self.dataset.ref) || has(self.dataset.categoryColumn) || !has(self.evaluation.gates) || !self.evaluation.gates.exists(gate, has(gate.maxSliceGap))',
        fieldPath: '.evaluation.gates',
        message:
          'maxSliceGap compares slices: name the key that tells them in dataset.categoryColumn',
      },
    ],
  },
)

/** Spec as a tenant writes it: defaults may be absent. */
export type InstructionTuningJobSpec = Static<typeof InstructionTuningJobSpecSchema>
