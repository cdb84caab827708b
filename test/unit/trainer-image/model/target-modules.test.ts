import t from 'tap'
import { isPlainName, matchesTarget } from '../../../../trainer-image/src/model/target-modules.ts'

const Q = 'model.layers.12.self_attn.q_proj'

const MATCHING = [
  'q_proj',
  'self_attn.q_proj',
  Q,
  '*',
  'self_attn.*',
  'model.layers.*.self_attn.q_proj',
  'layers.{0-3,12}.self_attn.q_proj',
  'layers.{10-19}.*.{q,v}_proj',
  '{q_proj,v_proj}',
]
const OTHERS = [
  'proj',
  'k_proj',
  'mlp.q_proj',
  'layers.12',
  'layers.1.self_attn.q_proj',
  'layers.{0-3}.self_attn.q_proj',
  'layers.{13-9}.self_attn.q_proj',
  'layers.{0-3,x-y}.self_attn.q_proj',
  'other.model.layers.12.self_attn.q_proj',
  '{q}_pro',
  '{k,v}_proj',
  '.*',
  'q.proj',
  'layers.{0-999999}.self_attn.q_proj',
]

t.test('targets that mean a module', t => {
  for (const target of MATCHING) t.ok(matchesTarget(Q, target), target)
  t.end()
})

t.test('targets that do not', t => {
  for (const target of OTHERS) t.notOk(matchesTarget(Q, target), target)
  t.end()
})

t.test('a target of a hundred choices takes no time', t => {
  const target = `layers.{${Array.from({ length: 30 }, (_, i) => `${i}-${i}`).join(',')}}.*.q_proj`
  t.ok(matchesTarget(Q, target))
  t.notOk(matchesTarget(Q.replace('12', '31'), target))
  t.end()
})

t.test('only names mean the same in PEFT', t => {
  t.ok(isPlainName('q_proj'))
  for (const target of ['self_attn.q_proj', '*', '{q,v}_proj']) t.notOk(isPlainName(target), target)
  t.end()
})
