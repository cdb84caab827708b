/** How each format is used, in the fewest lines that work. */
import type { OutputFormat } from '@attune/crds/spec/output.ts'
import type { CardFacts } from './card-facts.ts'

const fenced = (language: string, lines: readonly string[]) =>
  [`\`\`\`${language}`, ...lines, '```'].join('\n')

const CHAT = [
  'messages = [{"role": "user", "content": "…"}]',
  'inputs = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True, return_tensors="pt")',
  'output = model.generate(**inputs, max_new_tokens=100, do_sample=False)',
  'print(tokenizer.decode(output[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True))',
]

const USAGE: Readonly<Record<OutputFormat, (facts: CardFacts) => string>> = {
  Adapter: () =>
    [
      'With [PEFT](https://huggingface.co/docs/peft), in this folder; it loads the base model by the name in `adapter_config.json`:',
      fenced('python', [
        'from peft import AutoPeftModelForCausalLM, PeftConfig',
        'from transformers import AutoTokenizer',
        '',
        'model = AutoPeftModelForCausalLM.from_pretrained(".")',
        'tokenizer = AutoTokenizer.from_pretrained(PeftConfig.from_pretrained(".").base_model_name_or_path)',
        ...CHAT,
      ]),
    ].join('\n\n'),
  Merged: () =>
    [
      'With [transformers](https://huggingface.co/docs/transformers), in this folder:',
      fenced('python', [
        'from transformers import AutoModelForCausalLM, AutoTokenizer',
        '',
        'model = AutoModelForCausalLM.from_pretrained(".")',
        'tokenizer = AutoTokenizer.from_pretrained(".")',
        ...CHAT,
      ]),
    ].join('\n\n'),
  ONNX: ({ files }) =>
    [
      'With `onnxruntime-node`: a decoder with a key-value cache. Inputs are `input_ids`, `attention_mask` and `past_key_values.{layer}.{key,value}` (empty at first), outputs `logits` and `present.{layer}.{key,value}`, which are the next step’s past. Batches are padded on the right. Attune’s `examples/onnx-generate/generate.js` is a whole program.',
      ...(files.includes('genai_config.json')
        ? [
            'With [onnxruntime-genai](https://onnxruntime.ai/docs/genai/), in this folder:',
            fenced('python', [
              'import onnxruntime_genai as og',
              '',
              'model = og.Model(".")',
              'tokenizer = og.Tokenizer(model)',
            ]),
          ]
        : []),
    ].join('\n\n'),
  GGUF: ({ files }) =>
    [
      'With [llama.cpp](https://github.com/ggml-org/llama.cpp), in this folder; the chat template is in the file:',
      fenced('sh', [`llama-cli -m ${files.find(name => name.endsWith('.gguf'))} -cnv --temp 0`]),
    ].join('\n\n'),
}

export const usageOf = (facts: CardFacts): string => USAGE[facts.format](facts)
