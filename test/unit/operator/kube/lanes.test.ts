import fc from 'fast-check'
import t from 'tap'
import { createLanes } from '../../../../operator/src/kube/lanes.ts'

const laneOf = (key: string) => key.split('/')[0] ?? ''
const all = (lanes: ReturnType<typeof createLanes<number>>) => {
  const keys: string[] = []
  for (let next = lanes.shift(); next; next = lanes.shift()) keys.push(next[0])
  return keys
}

t.test('lanes take turns, and keep the order within', async t => {
  const lanes = createLanes<number>(laneOf)
  for (const key of ['a/1', 'a/2', 'a/3', 'b/1', 'c/1', 'c/2']) lanes.push(key, 0)
  t.strictSame(all(lanes), ['a/1', 'b/1', 'c/1', 'a/2', 'c/2', 'a/3'])
})

t.test('a lane that comes late waits for one key of each other lane at most', async t => {
  const lanes = createLanes<number>(laneOf)
  for (let i = 0; i < 5000; i += 1) lanes.push(`a/${i}`, i)
  for (let i = 0; i < 10; i += 1) lanes.shift()
  lanes.push('b/first', 0)
  t.strictSame([lanes.shift()?.[0], lanes.shift()?.[0]], ['a/10', 'b/first'])
  t.equal(lanes.size, 4989)
})

t.test('a key that is pushed again keeps its place', async t => {
  const lanes = createLanes<number>(laneOf)
  for (const [i, key] of ['a/1', 'a/2', 'a/1'].entries()) lanes.push(key, i)
  t.equal(lanes.size, 2)
  t.strictSame(lanes.shift(), ['a/1', 2])
  t.equal(lanes.has('a/1'), false)
  t.equal(lanes.has('a/2'), true)
  t.equal(lanes.get('a/2'), 1)
  t.equal(lanes.get('a/1'), undefined)
  t.strictSame([lanes.laneSize('a/x'), lanes.laneSize('b/x')], [1, 0])
  lanes.clear()
  t.equal(lanes.size, 0)
  t.equal(lanes.shift(), undefined)
})

t.test(
  'whatever the order, nothing is lost and nobody is overtaken twice by one lane',
  async () => {
    const key = fc
      .tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(5))
      .map(([lane, n]) => `${lane}/${n}`)
    fc.assert(
      fc.property(fc.array(fc.oneof(key, fc.constant(undefined)), { maxLength: 60 }), steps => {
        const lanes = createLanes<number>(laneOf)
        const there = new Set<string>()
        /** For each waiting lane, which others had a turn since its last. */
        const turns = new Map<string, string[]>()
        const take = () => {
          const [taken] = lanes.shift() ?? ['']
          if (!there.delete(taken)) throw new Error(`${taken} was not pushed`)
          const lane = laneOf(taken)
          turns.set(lane, [])
          for (const waiting of new Set([...there].map(laneOf))) {
            if (waiting === lane) continue
            const before = turns.get(waiting) ?? []
            if (before.includes(lane)) throw new Error(`${lane} had two turns before ${waiting}`)
            turns.set(waiting, [...before, lane])
          }
        }
        for (const step of steps) {
          if (step !== undefined) {
            if (![...there].some(other => laneOf(other) === laneOf(step)))
              turns.set(laneOf(step), [])
            lanes.push(step, 0)
            there.add(step)
          } else if (lanes.size > 0) take()
        }
        while (lanes.size > 0) take()
        if (there.size > 0) throw new Error(`lost: ${[...there].join(', ')}`)
      }),
    )
  },
)
