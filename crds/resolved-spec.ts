/** The spec with every default filled in: what the API server stores, and what the stages read. */
import type { InstructionTuningJobSpec } from './instruction-tuning-job-spec.ts'

type Spec = InstructionTuningJobSpec
type Filled<T> = { readonly [K in keyof T]-?: NonNullable<T[K]> }
type Section<K extends keyof Spec> = NonNullable<Spec[K]>

export type ResolvedSuite = Filled<NonNullable<Section<'evaluation'>['suites']>[number]>
export type ResolvedGate = NonNullable<Section<'evaluation'>['gates']>[number]
export type ResolvedDataset = Omit<Spec['dataset'], 'validation' | 'quality' | 'lossOn'> & {
  readonly validation: NonNullable<Spec['dataset']['validation']>
  readonly quality: Filled<NonNullable<Spec['dataset']['quality']>>
  readonly lossOn: 'Response' | 'All'
}
export type ResolvedTraining = Omit<
  Filled<Section<'training'>>,
  'epochs' | 'maxSteps' | 'schedule' | 'optimizer' | 'checkpoint'
> & {
  /** absent together with maxSteps: one epoch */
  readonly epochs?: number
  readonly maxSteps?: number
  readonly schedule: Filled<NonNullable<Section<'training'>['schedule']>>
  readonly optimizer: Filled<NonNullable<Section<'training'>['optimizer']>>
  readonly checkpoint: Filled<NonNullable<Section<'training'>['checkpoint']>>
}

/** Every optional section of `InstructionTuningJobSpec` present, every field with a default set. */
export type ResolvedSpec = {
  readonly model: Spec['model']
  readonly dataset: ResolvedDataset
  readonly method: {
    readonly type: 'LoRA'
    readonly lora: Filled<NonNullable<Section<'method'>['lora']>>
  }
  readonly training: ResolvedTraining
  readonly evaluation: {
    readonly everySteps: number
    readonly suites: readonly ResolvedSuite[]
    readonly gates: readonly ResolvedGate[]
  }
  readonly output: Spec['output']
  readonly resources: Section<'resources'>
  readonly workspace: Section<'workspace'>
  readonly podTemplate: Section<'podTemplate'>
  readonly suspend: boolean
  readonly retry: Filled<Section<'retry'>>
  readonly ttlSecondsAfterFinished?: number
  readonly runHistoryLimit: number
}
