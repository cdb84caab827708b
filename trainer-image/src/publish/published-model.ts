/** What the formats of a whole model are written from. */
import type { ModelConfig, Weights } from '../model/config.ts'
import type { TokenizerFiles } from '../model/tokenizer-files.ts'

export type PublishedModel = {
  /** the base model's files, as Prepare has fetched them */
  readonly modelFolder: string
  readonly config: ModelConfig
  /** tuned weights; read one after the other, each once */
  readonly weights: Weights
  readonly tokenizer: TokenizerFiles
  /** Jinja, the one that was trained with */
  readonly chatTemplate: string | undefined
  /** tokens that ended an answer in the evaluation */
  readonly eosTokenIds: readonly number[]
}

export type FolderWriter = {
  /** everything that `write` makes: paths below the folder */
  readonly files: readonly string[]
  /** type of the weights, where that is not what was evaluated */
  readonly storedAs?: string
  /** into an existing, empty folder */
  write(folder: string): Promise<void>
}

/** A tied head may be stored all the same, untouched by tuning; RoPE's frequencies follow from its base. */
const isLeftOut = (name: string, { tieWordEmbeddings }: ModelConfig) =>
  (tieWordEmbeddings && name === 'lm_head.weight') || name.endsWith('.rotary_emb.inv_freq')

export const publishedNames = ({ config, weights }: PublishedModel): readonly string[] =>
  weights.names.filter(name => !isLeftOut(name, config))
