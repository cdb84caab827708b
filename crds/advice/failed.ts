/** Reasons of a run that failed. */
import type { Reason } from '../conditions.ts'
import type { Advice } from './advice.ts'

const NEEDS_A_CHANGE =
  'The run is Failed and is not tried again; a run starts when the spec or the annotation `attune.dev/rerun` changes.'
const RERUN = 'kubectl annotate itj NAME attune.dev/rerun="$(date +%s)" --overwrite'
const RUN_AGAIN = `Where the mistake was not in the spec, ask for another run of it: \`${RERUN}\`.`

export const FAILED = {
  InvalidSpec: {
    operator: `Makes nothing of what the spec asks for, and takes no accelerator. ${NEEDS_A_CHANGE}`,
    you: 'Edit the field that the message names. `attune validate` finds mistakes of form at once, then those between fields.',
  },
  SourceNotFound: {
    seenAs: ['exit code 66', '404'],
    operator: `Stops before an accelerator is taken. ${NEEDS_A_CHANGE}`,
    you: `Correct the URI that the message names, or put the file there. A private repository of the hub is not found either until \`credentialsSecret\` opens it. ${RUN_AGAIN}`,
  },
  SourceForbidden: {
    seenAs: ['exit code 77', '401', '403'],
    operator: `Stops before an accelerator is taken. ${NEEDS_A_CHANGE}`,
    you: `Name a Secret with a valid \`token\` in \`credentialsSecret\`, and accept the terms of a gated model with that account. ${RUN_AGAIN}`,
  },
  DatasetMalformed: {
    seenAs: ['exit code 65'],
    operator: `Stops at the first such line, before an accelerator is taken; the message has the file, the line and the start of its text. ${NEEDS_A_CHANGE}`,
    you: `Mend the line, or name the right \`format\` or \`columns\`. ${RUN_AGAIN}`,
  },
  DatasetBelowQuality: {
    seenAs: ['exit code 65'],
    operator: `Stops before an accelerator is taken; the message has each gate with what was counted. ${NEEDS_A_CHANGE}`,
    you: 'Add or mend examples, or lower the gate in `dataset.quality`.',
  },
  ModelMalformed: {
    seenAs: ['exit code 65'],
    operator: `Stops before an accelerator is taken. ${NEEDS_A_CHANGE}`,
    you: `Fetch the file that the message names again; most often its download or copy was cut short. ${RUN_AGAIN}`,
  },
  ModelUnsupported: {
    seenAs: ['exit code 78'],
    operator: `Stops before an accelerator is taken; the message says what is supported. ${NEEDS_A_CHANGE}`,
    you: 'Choose a model of a supported architecture and weight type.',
  },
  TrainingDiverged: {
    seenAs: ['exit code 76', 'loss is NaN', 'loss over 3 × its running median'],
    operator: `Keeps the last good checkpoint on the workspace and publishes nothing. ${NEEDS_A_CHANGE}`,
    you: 'Lower `training.learningRate`, lengthen `training.schedule.warmupFraction`, or lower `training.maxGradientNorm`; Prepare is not run again. At step 1 nothing was learned yet: weights of the base model are not finite, or too large for their type; check them, or choose another base.',
  },
  GatesNotPassed: {
    operator: `Publishes nothing; the adapter stays on the workspace volume until \`ttlSecondsAfterFinished\`. ${NEEDS_A_CHANGE}`,
    you: 'The message has each gate with what was measured. Train differently, or lower the gate: then only Evaluate and Publish run again.',
  },
  PublishFailed: {
    operator:
      'Tries again up to `retry.limit` times with growing pauses, then the run is Failed. What is to be published stays on the workspace volume until `ttlSecondsAfterFinished`.',
    you: 'Mend the output (space, permission, claim), then give the annotation `attune.dev/retry-publish` any new value: Publish alone runs again. `kubectl annotate itj NAME attune.dev/retry-publish="$(date +%s)" --overwrite`',
  },
  OutOfMemory: {
    seenAs: [
      'OOMKilled',
      'exit code 137',
      'exit code 79',
      'CUDA out of memory',
      'Failed to allocate memory for requested buffer',
      'CUBLAS_STATUS_ALLOC_FAILED',
    ],
    operator:
      'A Train pod is tried again with half as many rows at once, any other pod as it is, up to `retry.limit`; then the run is Failed.',
    you: 'Lower `training.sequenceLength`, set `training.gradientCheckpointing: Enabled`, raise `resources.limits.memory`, or where the accelerator ran out (the message tells CUDA) ask for one with more memory.',
  },
  DeadlineExceeded: {
    operator:
      'Stops the pod, which saves a checkpoint. Waiting for a node, an image or a volume counts; the message says what was waited for.',
    you: `Raise \`retry.deadlineSeconds\` (a day by default), or remove what it waited for, then ask for another run: \`${RERUN}\`. A suspended job that is resumed has the whole time again.`,
  },
  RetriesExhausted: {
    operator: `The message is that of the last attempt. ${NEEDS_A_CHANGE}`,
    you: `Read the log of the pod that \`status.runs[].stages[].pod\` names. ${RUN_AGAIN}`,
  },
  StageFailed: {
    seenAs: ['exit code 64', 'exit code 70', 'BackoffLimitExceeded', 'PodFailurePolicy'],
    operator: `Tries a failure that may pass again up to \`retry.limit\` times. Then, or at one of these codes: ${NEEDS_A_CHANGE}`,
    you: 'Read the log of the pod. Where the hub cannot be reached, name a mirror (in a cluster by the chart value `hubEndpoint`, with `attune run` by `HF_ENDPOINT`), or take a copy of model and data by `pvc://` (with `attune run` also by `file://`). A pod that left no result is most often of a trainer image of another version than the operator.',
  },
} as const satisfies Readonly<Partial<Record<Reason, Advice>>>
