/** Rows read axes and ranges, which ONNX passes as constant inputs. */
import type { GraphBuilder } from '../graph/build.ts'
import type { Value } from '../graph/node.ts'

/** @returns the numbers of an int64 constant made by `g` */
export const constantsOf = (g: GraphBuilder, value: Value): readonly number[] => {
  const bytes = g.constantBytes(value)
  if (!bytes || value.type !== 'int64') throw new TypeError(`${value.name} is no int64 constant`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: bytes.byteLength / 8 }, (_, i) =>
    Number(view.getBigInt64(8 * i, true)),
  )
}
