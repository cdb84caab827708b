import t from 'tap'
import type { ParameterSlot } from '../../../../trainer-image/src/model/trainable.ts'
import {
  groupPieces,
  piecesOf,
  runsPerUpdate,
} from '../../../../trainer-image/src/session/update-programs.ts'

const slotsOf = (
  ...groups: readonly (readonly [size: number, rateFactor: number, decays: boolean])[]
) => {
  let offset = 0
  return groups.map(([size, rateFactor, decays], i): ParameterSlot => {
    const slot = { name: `${i}`, shape: [size], offset, size, rateFactor, decays }
    offset += size
    return slot
  })
}
const fast = { rateFactor: 16, decays: true }
const slow = { rateFactor: 1, decays: true }

t.test('parameters that are updated alike are one piece', t => {
  t.same(groupPieces(slotsOf([3, 1, true], [4, 1, true])), [{ start: 0, end: 7, ...slow }])
  t.same(groupPieces(slotsOf([3, 1, true], [4, 16, true], [2, 16, true], [1, 1, true])), [
    { start: 0, end: 3, ...slow },
    { start: 3, end: 9, ...fast },
    { start: 9, end: 10, ...slow },
  ])
  t.same(groupPieces(slotsOf([3, 1, true], [4, 1, false])).length, 2)
  t.end()
})

t.test('a piece is of bounded size', t => {
  t.same(groupPieces(slotsOf([1, 16, true], [5, 1, true]), 2), [
    { start: 0, end: 1, ...fast },
    { start: 1, end: 3, ...slow },
    { start: 3, end: 5, ...slow },
    { start: 5, end: 6, ...slow },
  ])
  t.same(piecesOf(5, 2), [
    { start: 0, end: 2 },
    { start: 2, end: 4 },
    { start: 4, end: 5 },
  ])
  t.same(piecesOf(0), [])
  t.end()
})

t.test('an update runs its graph once for each piece', t => {
  t.same(runsPerUpdate(slotsOf([2 ** 18 + 1, 1, true], [1, 16, true])), { norm: 1, update: 3 })
  t.same(runsPerUpdate(slotsOf([2 ** 24 + 1, 1, true])), { norm: 2, update: 65 })
  t.end()
})
