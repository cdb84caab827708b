/** genai_config.json: how onnxruntime-genai runs the decoder (its documentation, "Config reference"). */
import { cachedHeadDim, needsPositions } from '../../model/architectures/cached-attention.ts'
import type { ModelConfig } from '../../model/config.ts'
import type { PublishedModel } from '../published-model.ts'

/** @returns undefined for a model whose cache it cannot describe: one number of KV heads is all it has */
export const genaiConfig = ({
  config,
  tokenizer,
  eosTokenIds,
}: PublishedModel): object | undefined => {
  const [kvHeads] = config.kvHeads
  if (config.kvHeads.some(count => count !== kvHeads)) return undefined
  return {
    model: {
      type: typeOf(config),
      ...(config.bosTokenId === undefined ? {} : { bos_token_id: config.bosTokenId }),
      eos_token_id: eosTokenIds,
      pad_token_id: padTokenId(tokenizer.config, tokenizer.tokenizer) ?? eosTokenIds[0] ?? 0,
      vocab_size: config.vocabSize,
      context_length: config.maxPositions,
      decoder: {
        session_options: { log_id: 'onnxruntime-genai', provider_options: [] },
        filename: 'model.onnx',
        head_size: cachedHeadDim(config),
        hidden_size: config.hiddenSize,
        num_attention_heads: config.heads,
        num_hidden_layers: config.layers,
        num_key_value_heads: kvHeads,
        inputs: {
          input_ids: 'input_ids',
          attention_mask: 'attention_mask',
          ...(needsPositions(config) ? { position_ids: 'position_ids' } : {}),
          past_key_names: 'past_key_values.%d.key',
          past_value_names: 'past_key_values.%d.value',
        },
        outputs: {
          logits: 'logits',
          present_key_names: 'present.%d.key',
          present_value_names: 'present.%d.value',
        },
      },
    },
    search: {
      do_sample: false,
      max_length: config.maxPositions,
      past_present_share_buffer: false,
    },
  }
}

const typeOf = ({ architecture }: ModelConfig): string => architecture

const padTokenId = (
  { pad_token: pad }: Readonly<Record<string, unknown>>,
  { added_tokens: added }: Readonly<Record<string, unknown>>,
): number | undefined => {
  if (!Array.isArray(added)) return undefined
  const found = added.find(token => token['content'] === pad)
  return typeof found?.['id'] === 'number' ? found['id'] : undefined
}
