/** A failure that a tenant can understand: reason for status, one line for people, exit code for Kubernetes. */
import type { Reason } from '@attune/crds/conditions.ts'
import { EXIT } from '@attune/crds/stage.ts'

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

export class StageError extends Error {
  readonly reason: Reason
  readonly exitCode: ExitCode

  /** @param message what is wrong, where (field, file, line), the value, and what to do; at most 1,024 characters are shown */
  constructor(reason: Reason, exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StageError'
    this.reason = reason
    this.exitCode = exitCode
  }
}

export const invalidSpec = (message: string, options?: ErrorOptions) =>
  new StageError('InvalidSpec', EXIT.config, message, options)
export const sourceNotFound = (message: string, options?: ErrorOptions) =>
  new StageError('SourceNotFound', EXIT.noInput, message, options)
export const sourceForbidden = (message: string, options?: ErrorOptions) =>
  new StageError('SourceForbidden', EXIT.forbidden, message, options)
export const datasetMalformed = (message: string, options?: ErrorOptions) =>
  new StageError('DatasetMalformed', EXIT.data, message, options)
export const datasetBelowQuality = (message: string, options?: ErrorOptions) =>
  new StageError('DatasetBelowQuality', EXIT.data, message, options)
export const modelMalformed = (message: string, options?: ErrorOptions) =>
  new StageError('ModelMalformed', EXIT.data, message, options)
export const modelUnsupported = (message: string, options?: ErrorOptions) =>
  new StageError('ModelUnsupported', EXIT.config, message, options)
export const trainingDiverged = (message: string, options?: ErrorOptions) =>
  new StageError('TrainingDiverged', EXIT.diverged, message, options)
export const publishFailed = (message: string, options?: ErrorOptions) =>
  new StageError('PublishFailed', EXIT.retryable, message, options)

/** Thrown by a stage that ended early because its signal was aborted, after it saved what it had. */
export class StageStopped extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'StageStopped'
  }
}
