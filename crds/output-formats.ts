/** What a job publishes, from what its spec says and leaves out. */
import type { ResolvedSpec } from './resolved-spec.ts'
import { type GgufType, OUTPUT_FORMATS, type OutputFormat } from './spec/output.ts'

type Publishing = Pick<ResolvedSpec, 'output'>

/** Without an adapter the model itself is published. */
export const outputFormats = ({
  output,
  method,
}: Publishing & Pick<ResolvedSpec, 'method'>): readonly OutputFormat[] => {
  const { formats = [method.type === 'Full' ? 'Merged' : 'Adapter'] } = output
  return OUTPUT_FORMATS.filter(format => formats.includes(format))
}

export const ggufTypeOf = ({ output }: Publishing): GgufType => output.gguf?.type ?? 'F16'
