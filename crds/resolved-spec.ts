/** The spec with every default filled in: what the operator caches, and what the stages read. */
import type { InstructionDatasetSpec } from './instruction-dataset-spec.ts'
import type { InstructionTuningJobSpec } from './instruction-tuning-job-spec.ts'
import type { MethodType } from './spec/method.ts'
import type { ModelSource } from './spec/model.ts'
import type { TuningExperimentSpec } from './tuning-experiment-spec.ts'

type Spec = InstructionTuningJobSpec
type Filled<T> = { readonly [K in keyof T]-?: NonNullable<T[K]> }
/** `K` stay away where they are not given: so equal specs of earlier versions keep their hashes. */
type FilledBut<T, K extends keyof T> = Omit<Filled<T>, K> & Pick<T, K>
type Section<K extends keyof Spec> = NonNullable<Spec[K]>
type Lora = NonNullable<Section<'method'>['lora']>

export type ResolvedSuite = FilledBut<
  NonNullable<Section<'evaluation'>['suites']>[number],
  'answerAfter'
>
export type ResolvedGate = NonNullable<Section<'evaluation'>['gates']>[number]
export type ResolvedDataset = Omit<Spec['dataset'], 'validation' | 'quality' | 'lossOn'> & {
  readonly validation: NonNullable<Spec['dataset']['validation']>
  readonly quality: Filled<NonNullable<Spec['dataset']['quality']>>
  readonly lossOn: 'Response' | 'All'
  /** set by the operator, never by a tenant: the content that `ref` stood for when the run started */
  readonly curated?: CuratedContent
}
/** Examples that the stage of an InstructionDataset has read, checked and split. */
export type CuratedContent = {
  /** folder of `train.jsonl`, `validation.jsonl` and `dataset.json` */
  readonly uri: string
  readonly contentHash: string
}
/** The spec of an InstructionDataset with every default filled in. */
export type ResolvedInstructionDatasetSpec = Omit<
  InstructionDatasetSpec,
  'validation' | 'quality' | 'lossOn' | 'volume' | 'resources' | 'podTemplate' | 'retry'
> &
  Pick<ResolvedDataset, 'validation' | 'quality' | 'lossOn'> & {
    readonly volume: NonNullable<InstructionDatasetSpec['volume']>
    readonly resources: NonNullable<InstructionDatasetSpec['resources']>
    readonly podTemplate: NonNullable<InstructionDatasetSpec['podTemplate']>
    readonly retry: Filled<NonNullable<InstructionDatasetSpec['retry']>>
  }
export type ResolvedTraining = Omit<
  Filled<Section<'training'>>,
  | 'epochs'
  | 'maxSteps'
  | 'stopAfterSteps'
  | 'schedule'
  | 'optimizer'
  | 'checkpoint'
  | 'precision'
  | 'neftuneAlpha'
  | 'labelSmoothing'
  | 'earlyStopping'
  | 'keepBest'
> & {
  /** absent together with maxSteps: one epoch */
  readonly epochs?: number
  readonly maxSteps?: number
  readonly stopAfterSteps?: number
  readonly schedule: FilledBut<
    NonNullable<Section<'training'>['schedule']>,
    'decayFraction' | 'minLearningRateFraction'
  >
  readonly optimizer: Filled<NonNullable<Section<'training'>['optimizer']>>
  readonly checkpoint: Filled<NonNullable<Section<'training'>['checkpoint']>>
  /** absent: FP32 */
  readonly precision?: 'FP32' | 'FP16' | 'BF16'
  /** absent: no noise */
  readonly neftuneAlpha?: number
  /** absent: 0 */
  readonly labelSmoothing?: number
  readonly earlyStopping?: Filled<NonNullable<Section<'training'>['earlyStopping']>>
  /** absent: where earlyStopping is given */
  readonly keepBest?: boolean
}

/** Every optional section of `InstructionTuningJobSpec` present, every field with a default set. */
export type ResolvedSpec = {
  readonly model: Spec['model']
  readonly dataset: ResolvedDataset
  readonly method: {
    readonly type: MethodType
    readonly lora: Lora & Filled<Pick<Lora, 'rank' | 'alpha' | 'targetModules'>>
    readonly quantization?: Filled<NonNullable<Section<'method'>['quantization']>>
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
  readonly queueName?: string
  readonly priorityClassName?: string
  readonly suspend: boolean
  readonly retry: Filled<Section<'retry'>>
  readonly ttlSecondsAfterFinished?: number
  readonly runHistoryLimit: number
}

/** What the stages of a run read: a reference or a selector of the model stands for one source by now. */
export type StageSpec = Omit<ResolvedSpec, 'model'> & {
  readonly model: { readonly source: ModelSource }
}

/** The spec of a TuningExperiment with every default filled in. */
export type ResolvedExperimentSpec = Omit<TuningExperimentSpec, 'template' | 'objective'> & {
  readonly template: ResolvedSpec
  readonly parallelTrials: number
  readonly objective: Required<NonNullable<TuningExperimentSpec['objective']>>
  readonly publish: NonNullable<TuningExperimentSpec['publish']>
  readonly seed: number
  readonly suspend: boolean
}
