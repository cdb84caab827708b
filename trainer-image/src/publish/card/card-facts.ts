/** What a model card tells: the facts of the run, and nothing else. */
import type { OutputFormat } from '@attune/crds/spec/output.ts'
import { parseHubUri } from '@attune/crds/hub-uri.ts'
import type { ReportData } from '../report/report-data.ts'

export type CardFacts = Pick<
  ReportData,
  'dataset' | 'training' | 'evaluation' | 'samples' | 'provenance'
> & {
  readonly format: OutputFormat
  /** in the format's folder */
  readonly files: readonly string[]
  /** as the base model's own file says it, which only a GGUF does */
  readonly license?: string
  readonly languages?: readonly string[]
  /** what the weights are stored as, where that is not what was evaluated */
  readonly storedAs?: string
}

/** `owner/name` of the hub */
export const baseOnHub = ({ provenance }: Pick<CardFacts, 'provenance'>): string | undefined => {
  const hub = parseHubUri(provenance.baseModel.uri)
  return hub?.type === 'model' ? hub.name : undefined
}
