import t from 'tap'
import { decide } from '../../../../operator/src/base-model/decide.ts'
import { hubModelToAsk } from '../../../../operator/src/base-model/hub-model.ts'
import type { BaseModel } from '../../../../operator/src/base-model/kinds.ts'
import { createLooks } from '../../../../operator/src/base-model/looks.ts'
import type { Finding } from '../../../../operator/src/base-model/read-source.ts'
import type { ObjectKey } from '../../../../operator/src/kube/kube-object.ts'
import {
  aStoredModel,
  answered,
  CONFIG_READ,
  SILENCE,
  told,
} from '../../../fixtures/operator/a-stored-model.ts'
import { NOW } from '../../../fixtures/operator/tuning-job.ts'

const HOUR = 3_600_000
const KEY = 'small' as ObjectKey

/** A hub that gives these answers in turn, the last one for ever. */
const looksAt = (...findings: readonly Finding[]) => {
  const time = { now: NOW, asked: 0 }
  const looks = createLooks({
    now: () => time.now,
    read: async () => {
      time.asked += 1
      return findings[Math.min(time.asked, findings.length) - 1] ?? SILENCE
    },
  })
  const at = async (model: BaseModel = aStoredModel()) => {
    const source = hubModelToAsk(model)
    if (!source) throw new Error('there is nothing to ask')
    return looks.at(KEY, model, source)
  }
  return { time, at, forget: () => looks.forget(KEY) }
}

t.test('an answer is kept for hours', async t => {
  const { time, at } = looksAt(CONFIG_READ)
  t.match(await at(), { failures: 0, finding: CONFIG_READ })
  time.now += 4 * HOUR
  t.match(await at(), { atMs: NOW })
  t.equal(time.asked, 1)
  time.now += 4 * HOUR
  t.match(await at(), { atMs: time.now })
  t.equal(time.asked, 2)
})

t.test('an edit, and another entry of the same name, are asked for at once', async t => {
  const { time, at, forget } = looksAt(CONFIG_READ)
  await at()
  await at(aStoredModel({ generation: 2 }))
  t.equal(time.asked, 2)
  await at(aStoredModel({ generation: 2, uid: 'uid-of-its-successor' }))
  t.equal(time.asked, 3)
  forget()
  await at(aStoredModel({ generation: 2, uid: 'uid-of-its-successor' }))
  t.equal(time.asked, 4)
})

t.test('silence is asked again soon, then ever later, an hour at most', async t => {
  const { time, at } = looksAt(SILENCE)
  const waits: number[] = []
  for (let failures = 1; failures <= 12; failures += 1) {
    const look = await at()
    t.equal(look?.failures, failures)
    const wait = decide({ model: aStoredModel(), look: look! }, time.now).requeueAfterMs ?? 0
    time.now += wait - 1
    t.equal((await at())?.failures, failures, 'not before its time')
    time.now += 1
    waits.push(wait)
  }
  t.ok(waits[0]! >= 15_000 && waits[0]! <= 30_000)
  t.ok(waits.every((wait, i) => i === 0 || wait >= waits[i - 1]!))
  t.ok(waits.at(-1)! <= HOUR)
})

t.test('the last answer outlives silence', async t => {
  const { time, at } = looksAt(CONFIG_READ, SILENCE)
  await at()
  time.now += 8 * HOUR
  t.match(await at(), {
    failures: 1,
    finding: SILENCE,
    answer: { finding: CONFIG_READ, atMs: NOW },
  })
})

t.test('a new operator believes what was verified, and asks for all else', async t => {
  const statusAfter = (finding: Finding) =>
    decide({ model: aStoredModel(), look: answered(finding) }, NOW).status!
  for (const [finding, asked] of [
    [CONFIG_READ, 0],
    [told('SourceNotFound'), 1],
    [told('SourceForbidden'), 1],
  ] as const) {
    const { time, at } = looksAt(CONFIG_READ)
    await at(aStoredModel({ status: statusAfter(finding) }))
    t.equal(time.asked, asked)
    time.now += 8 * HOUR
    await at(aStoredModel({ status: statusAfter(finding) }))
    t.equal(time.asked, asked + 1)
  }
})

t.test('entries are not asked for at the same moment', async t => {
  const waits = ['a', 'b', 'c', 'd'].map(uid => {
    const model = aStoredModel({ uid })
    return decide({ model, look: answered(CONFIG_READ) }, NOW).requeueAfterMs
  })
  t.equal(new Set(waits).size, waits.length)
})
