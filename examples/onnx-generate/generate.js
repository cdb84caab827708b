// In the published folder onnx/: node generate.js "What is the capital of France?"
import { readFileSync as read } from 'node:fs'
import { Template } from '@huggingface/jinja'
import { Tokenizer } from '@huggingface/tokenizers'
import { InferenceSession, Tensor } from 'onnxruntime-node'
const messages = [{ role: 'user', content: process.argv[2] }]
const chat = { ...JSON.parse(read('tokenizer_config.json')), messages, add_generation_prompt: true }
const coder = new Tokenizer({ ...JSON.parse(read('tokenizer.json')), post_processor: null }, chat)
const { ids, tokens } = coder.encode(new Template(read('chat_template.jinja', 'utf8')).render(chat))
const ends = [JSON.parse(read('generation_config.json')).eos_token_id].flat()
const session = await InferenceSession.create('model.onnx')
const int64 = values => new Tensor('int64', values, [1, values.length])
const empty = ({ name, shape }) => [name, new Tensor('float32', [], [1, shape[1], 0, shape[3]])]
const cache = Object.fromEntries(session.inputMetadata.filter(({ shape }) => shape[3]).map(empty))
for (let past = 0; past < tokens.length + 99 && !ends.includes(ids.at(-1)); past = ids.length - 1) {
  const feeds = { input_ids: int64(ids.slice(past)), attention_mask: int64(ids.map(() => 1)) }
  const { logits: out, ...present } = await session.run({ ...cache, ...feeds })
  ids.push(out.data.slice(-out.dims[2]).reduce((best, x, id, xs) => (x > xs[best] ? id : best), 0))
  for (const name in present) cache[name.replace('present', 'past_key_values')] = present[name]
}
process.stdout.write(`${coder.decode(ids.slice(tokens.length), { skip_special_tokens: true })}\n`)
