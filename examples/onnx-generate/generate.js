// node generate.js <run>/onnx "What is the capital of France?"
import { readFile } from 'node:fs/promises'
import { Template } from '@huggingface/jinja'
import { Tokenizer } from '@huggingface/tokenizers'
import { InferenceSession, Tensor } from 'onnxruntime-node'

const [folder, question] = process.argv.slice(2)
const json = async name => JSON.parse(await readFile(`${folder}/${name}`, 'utf8'))
const settings = await json('tokenizer_config.json')
const tokenizer = new Tokenizer(await json('tokenizer.json'), settings)
const template = new Template(await readFile(`${folder}/chat_template.jinja`, 'utf8'))
const messages = [{ role: 'user', content: question }]
const prompt = template.render({ ...settings, messages, add_generation_prompt: true })
const session = await InferenceSession.create(`${folder}/model.onnx`)
const ends = [(await json('generation_config.json')).eos_token_id].flat()
const int64 = ids => new Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length])

let ids = tokenizer.encode(prompt, { add_special_tokens: false }).ids
let cache = {}
const answer = []
for (const { name, shape } of session.inputMetadata)
  if (name.startsWith('past')) cache[name] = new Tensor('float32', [], [1, shape[1], 0, shape[3]])
for (let length = ids.length; answer.length < 100; length++) {
  const feeds = { input_ids: int64(ids), attention_mask: int64(Array(length).fill(1)) }
  if (session.inputNames.includes('position_ids'))
    feeds.position_ids = int64(ids.map((_, i) => length - ids.length + i))
  const { logits, ...present } = await session.run({ ...feeds, ...cache })
  const last = logits.data.subarray(-logits.dims[2])
  ids = [last.indexOf(Math.max(...last))]
  if (ends.includes(ids[0])) break
  answer.push(ids[0])
  cache = {}
  for (const name in present) cache[name.replace('present', 'past_key_values')] = present[name]
}
process.stdout.write(`${tokenizer.decode(answer, { skip_special_tokens: true })}\n`)
