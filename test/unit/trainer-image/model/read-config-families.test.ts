import t from 'tap'
import { configFromJson } from '../../../../trainer-image/src/model/read-config-json.ts'

const SIZES = {
  vocab_size: 16,
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 128,
  eos_token_id: 2,
}
const json = (model_type: string, change: object = {}) => ({ model_type, ...SIZES, ...change })
const read = (model_type: string, change: object = {}) =>
  configFromJson(json(model_type, change), {})

/** As transformers 4 writes a configuration, what is to be read of it beyond the sizes, and the same from transformers 5. */
const READ: Record<string, [type: string, four: object, five: object, expected: object]> = {
  'Llama 3.1’s scaled RoPE': [
    'llama',
    {
      rope_theta: 500_000,
      rope_scaling: {
        rope_type: 'llama3',
        factor: 8,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 64,
      },
      torch_dtype: 'bfloat16',
    },
    {
      rope_parameters: {
        rope_theta: 500_000,
        rope_type: 'llama3',
        factor: 8,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 64,
      },
      dtype: 'bfloat16',
    },
    {
      ropeTheta: 500_000,
      ropeScaling: {
        type: 'llama3',
        factor: 8,
        lowFrequencyFactor: 1,
        highFrequencyFactor: 4,
        originalMaxPositions: 64,
      },
    },
  ],
  'a linear scale and biases': [
    'llama',
    { rope_scaling: { type: 'linear', factor: 2 }, attention_bias: true, mlp_bias: true },
    {
      rope_parameters: { rope_type: 'linear', factor: 2, rope_theta: 10_000 },
      attention_bias: true,
      mlp_bias: true,
    },
    {
      ropeScaling: { type: 'linear', factor: 2 },
      biases: ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'],
    },
  ],
  'Mistral’s window': [
    'mistral',
    { sliding_window: 32 },
    { sliding_window: 32, rope_parameters: { rope_theta: 10_000 } },
    { windows: [32, 32, 32, 32] },
  ],
  'a Mistral without a window': [
    'mistral',
    { sliding_window: null },
    { sliding_window: null },
    { windows: undefined },
  ],
  'Qwen2’s biases, its window unused': [
    'qwen2',
    { sliding_window: 32, use_sliding_window: false, max_window_layers: 2 },
    {
      sliding_window: null,
      use_sliding_window: false,
      layer_types: Array(4).fill('full_attention'),
    },
    { biases: ['q_proj', 'k_proj', 'v_proj'], windows: undefined },
  ],
  'Qwen2’s window in its upper layers': [
    'qwen2',
    { sliding_window: 32, use_sliding_window: true, max_window_layers: 3 },
    {
      sliding_window: 32,
      use_sliding_window: true,
      layer_types: [...Array(3).fill('full_attention'), 'sliding_attention'],
    },
    { windows: [null, null, null, 32] },
  ],
  'Qwen3’s normalized heads': [
    'qwen3',
    { rope_theta: 1_000_000 },
    { rope_parameters: { rope_theta: 1_000_000, rope_type: 'default' } },
    { queryKeyNorm: true, headDim: 128, ropeTheta: 1_000_000, biases: undefined },
  ],
  'SmolLM3’s layers without rotation': [
    'smollm3',
    { no_rope_layer_interval: 2 },
    { no_rope_layers: [1, 0, 1, 0], rope_parameters: { rope_theta: 2_000_000 } },
    { layersWithoutRope: [1, 3], ropeTheta: 2_000_000, tieWordEmbeddings: true },
  ],
  'Gemma 2’s caps and every other window': [
    'gemma2',
    { sliding_window: 32, query_pre_attn_scalar: 64, hidden_act: 'gelu' },
    {
      sliding_window: 32,
      query_pre_attn_scalar: 64,
      attn_logit_softcapping: 50,
      final_logit_softcapping: 30,
      layer_types: ['sliding_attention', 'full_attention', 'sliding_attention', 'full_attention'],
    },
    {
      windows: [32, null, 32, null],
      attentionScale: 1 / 8,
      attentionSoftcap: 50,
      logitSoftcap: 30,
      headDim: 256,
      tieWordEmbeddings: true,
    },
  ],
  'Gemma 3’s two rotations': [
    'gemma3_text',
    {
      sliding_window: 32,
      sliding_window_pattern: 3,
      rope_theta: 1_000_000,
      rope_local_base_freq: 20_000,
      rope_scaling: { rope_type: 'linear', factor: 8 },
    },
    {
      sliding_window: 32,
      layer_types: [
        'sliding_attention',
        'sliding_attention',
        'full_attention',
        'sliding_attention',
      ],
      rope_parameters: {
        full_attention: { rope_type: 'linear', factor: 8, rope_theta: 1_000_000 },
        sliding_attention: { rope_type: 'default', rope_theta: 20_000 },
      },
    },
    {
      windows: [32, 32, null, 32],
      ropeTheta: 1_000_000,
      localRopeTheta: 20_000,
      ropeScaling: { type: 'linear', factor: 8 },
      queryKeyNorm: true,
      attentionScale: 1 / 16,
      attentionSoftcap: undefined,
      logitSoftcap: undefined,
    },
  ],
  'Phi-3’s context before it was stretched': [
    'phi3',
    {
      head_dim: 8,
      partial_rotary_factor: 0.5,
      original_max_position_embeddings: 32,
      rope_scaling: { type: 'su', short_factor: [1, 2], long_factor: [3, 4] },
      sliding_window: 16,
    },
    {
      head_dim: 8,
      rope_parameters: {
        rope_type: 'longrope',
        partial_rotary_factor: 0.5,
        original_max_position_embeddings: 32,
        short_factor: [1, 2],
        long_factor: [3, 4],
        rope_theta: 10_000,
      },
      sliding_window: 16,
    },
    {
      maxPositions: 32,
      rotaryDim: 4,
      ropeScaling: {
        type: 'longrope',
        shortFactors: [1, 2],
        attentionFactor: Math.sqrt(1 + Math.log(4) / Math.log(32)),
        beyond: { factors: [3, 4], maxPositions: 128 },
      },
      windows: [16, 16, 16, 16],
      rmsNormEpsilon: 1e-5,
    },
  ],
}
for (const [what, [type, four, five, expected]] of Object.entries(READ))
  t.test(`reads ${what}`, t => {
    t.match(read(type, four), expected)
    t.strictSame(read(type, five), read(type, four), 'as transformers 4 and 5 write it')
    t.end()
  })

t.test('a class without a model type is enough', t => {
  const { model_type: _, ...rest } = json('')
  const config = configFromJson({ ...rest, architectures: ['Qwen2ForCausalLM'] }, {})
  t.equal(config.architecture, 'qwen2')
  t.end()
})

const UNSUPPORTED: Record<string, [type: string, change: object, message: RegExp]> = {
  'Gemma 3 with its image tower': [
    'gemma3',
    { architectures: ['Gemma3ForConditionalGeneration'], vision_config: {}, text_config: {} },
    /Gemma3ForConditionalGeneration.* takes more than text/,
  ],
  experts: [
    'mixtral',
    { architectures: ['MixtralForCausalLM'] },
    /mixtral.* only LlamaForCausalLM/,
  ],
  'experts in a known type': ['qwen3', { num_experts: 8 }, /num_experts is 8/],
  'layers of other shapes': [
    'nemotron-nas',
    { architectures: ['DeciLMForCausalLM'], block_configs: [{}] },
    /nemotron-nas/,
  ],
  'DeciLM with layers of other shapes': [
    'deci',
    { architectures: ['DeciLMForCausalLM'], block_configs: [{}] },
    /block_configs is \[\{\}\]/,
  ],
  'quantized weights': ['gemma2', { quantization_config: {} }, /quantization_config is \{\}/],
  'attention in chunks': [
    'qwen3',
    { layer_types: Array(4).fill('chunked_attention') },
    /layer_types names "chunked_attention"/,
  ],
  'an encoder': [
    'gemma2',
    { use_bidirectional_attention: true },
    /bidirectional_attention is true/,
  ],
  'another gate': ['gemma2', { hidden_activation: 'gelu' }, /hidden_activation is "gelu"/],
  'a cap that transformers ignores': [
    'gemma3_text',
    { attn_logit_softcapping: 50 },
    /attn_logit_softcapping is 50/,
  ],
  'a scaled rotation under a window': [
    'gemma3_text',
    { rope_parameters: { sliding_attention: { rope_type: 'linear', factor: 2 } } },
    /sliding_attention asks for RoPE scaling of type "linear"/,
  ],
  'a rotation by kind of layer': [
    'qwen3',
    { rope_parameters: { full_attention: {}, sliding_attention: {} } },
    /settings by kind of layer/,
  ],
  'a rotation of Phi-3 that only others have': [
    'phi3',
    { rope_scaling: { rope_type: 'llama3', factor: 8 } },
    /type "llama3"/,
  ],
}
for (const [what, [type, change, message]] of Object.entries(UNSUPPORTED))
  t.test(`refuses ${what}`, t => {
    t.throws(() => read(type, change), { name: 'StageError', reason: 'ModelUnsupported', message })
    t.end()
  })

const LLAMA3 = {
  rope_type: 'llama3',
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 64,
}
const MALFORMED: Record<string, [type: string, change: object, message: RegExp]> = {
  'a scale below 1': [
    'llama',
    { rope_scaling: { type: 'linear', factor: 0.5 } },
    /rope_scaling\.factor is 0\.5/,
  ],
  'bounds of frequencies the wrong way round': [
    'llama',
    { rope_scaling: { ...LLAMA3, high_freq_factor: 1 } },
    /high_freq_factor is 1; more than/,
  ],
  'no original context': [
    'llama',
    { rope_scaling: { ...LLAMA3, original_max_position_embeddings: undefined } },
    /original_max_position_embeddings is missing/,
  ],
  'a window of nothing': ['mistral', { sliding_window: 0 }, /sliding_window is 0/],
  'a window that is no number': ['mistral', { sliding_window: '4k' }, /sliding_window is "4k"/],
  'windows without a size': [
    'qwen2',
    { layer_types: Array(4).fill('sliding_attention') },
    /sliding_window is missing/,
  ],
  'too few kinds of layers': ['gemma2', { layer_types: ['full_attention'] }, /a list of 4/],
  'too few flags of rotation': ['smollm3', { no_rope_layers: [1] }, /no_rope_layers is \[1\]/],
  'a cap of zero': ['gemma2', { attn_logit_softcapping: 0 }, /attn_logit_softcapping is 0/],
  'a scale of attention below zero': ['gemma2', { query_pre_attn_scalar: -1 }, /scalar is -1/],
  'part of a head that has no halves': [
    'phi3',
    { head_dim: 6, partial_rotary_factor: 0.5 },
    /rotates 3 of 6 values/,
  ],
  'factors for other frequencies': [
    'phi3',
    {
      head_dim: 8,
      rope_scaling: { type: 'longrope', short_factor: [1], long_factor: [1] },
      original_max_position_embeddings: 32,
    },
    /short_factor is \[1\]; 4 numbers/,
  ],
  'a factor of nothing': [
    'phi3',
    {
      head_dim: 4,
      rope_scaling: { type: 'longrope', short_factor: [1, 0], long_factor: [1, 1] },
      original_max_position_embeddings: 32,
    },
    /short_factor is 0/,
  ],
  'no number of positions': ['qwen3', { max_position_embeddings: undefined }, /is missing/],
}
for (const [what, [type, change, message]] of Object.entries(MALFORMED))
  t.test(`refuses a configuration with ${what}`, t => {
    t.throws(() => read(type, change), { name: 'StageError', reason: 'ModelMalformed', message })
    t.end()
  })
