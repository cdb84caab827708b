/** `spec.output`. */
import { object, oneOf, optional, Type } from '../schema.ts'
import { OUTPUT_SCHEMES, uri } from './common.ts'

/** In the order in which they are published and listed. */
export const OUTPUT_FORMATS = ['Adapter', 'Merged', 'ONNX', 'GGUF'] as const
export type OutputFormat = (typeof OUTPUT_FORMATS)[number]
export const GGUF_TYPES = ['F16', 'Q8_0'] as const
export type GgufType = (typeof GGUF_TYPES)[number]

export const Output = object(
  {
    uri: uri(
      OUTPUT_SCHEMES,
      'Folder to publish to: `pvc://claim/path`, or `file://path` (only for `attune run`). Results land in `run-<n>/` below it.',
    ),
    publish: optional(
      Type.Boolean({
        description:
          'false: a run ends once it is evaluated, and its results stay in the workspace. Turned on later, the next run only publishes. Default is true.',
      }),
    ),
    formats: optional(
      Type.Array(oneOf(OUTPUT_FORMATS), {
        minItems: 1,
        maxItems: OUTPUT_FORMATS.length,
        description:
          'What is published, each in a folder of its own: `Adapter` (PEFT), `Merged` (a Hugging Face folder), `ONNX` (a decoder for ONNX Runtime), `GGUF` (for llama.cpp). Default is Adapter, and Merged where method.type is Full.',
        'x-kubernetes-list-type': 'set',
      }),
    ),
    gguf: optional(
      object(
        {
          type: optional(
            oneOf(GGUF_TYPES, {
              default: 'F16',
              description: 'What its matrices are stored as.',
            }),
          ),
        },
        { description: 'Of the format GGUF.' },
      ),
    ),
  },
  {
    description: 'Where the tuned model goes, and as what.',
    'x-kubernetes-validations': [
      {
        rule: "!has(self.gguf) || (has(self.formats) && self.formats.exists(format, format == 'GGUF'))",
        message: 'gguf is of the format GGUF: add it to formats',
      },
    ],
  },
)
