/** The job of the GSM8K benchmark: one epoch of the whole train split, LoRA rank 16, packed rows of 512 tokens. */
import { API_VERSION } from '../../../crds/api-group.ts'

const source = (uri: string) => ({
  sources: [{ uri, format: 'PromptCompletion' }],
})

export type Gsm8kFiles = {
  /** folders and files, absolute */
  readonly model: string
  readonly train: string
  readonly test: string
  readonly output: string
  /** test problems that are answered in words */
  readonly answers: number
}

/** @returns the manifest, as JSON, which is YAML */
export const gsm8kJob = ({ model, train, test, output, answers }: Gsm8kFiles) =>
  JSON.stringify(
    {
      apiVersion: API_VERSION,
      kind: 'InstructionTuningJob',
      metadata: { name: 'gsm8k' },
      spec: {
        model: { source: { uri: `file://${model}/` } },
        dataset: {
          ...source(`file://${train}`),
          columns: { prompt: 'question', completion: 'answer' },
          validation: source(`file://${test}`),
        },
        method: { type: 'LoRA', lora: { rank: 16, alpha: 32, targetModules: ['all-linear'] } },
        training: {
          epochs: 1,
          batchSize: 8,
          sequenceLength: 512,
          learningRate: 5e-4,
          checkpoint: { everySteps: 10, keep: 2 },
        },
        evaluation: {
          everySteps: 200,
          suites: [{ name: 'test', answerAfter: '####', maxNewTokens: 256, maxExamples: answers }],
        },
        output: { uri: `file://${output}` },
      },
    },
    undefined,
    2,
  )
