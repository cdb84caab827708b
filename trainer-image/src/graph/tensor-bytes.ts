/** Numbers as the little-endian bytes that ONNX stores. */
import type { ElementType } from './node.ts'

const bytesOf = (array: ArrayBufferView) =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength)

export const toBytes = (type: ElementType, data: ArrayLike<number>): Uint8Array => {
  switch (type) {
    case 'float32':
      return bytesOf(Float32Array.from(data))
    case 'float64':
      return bytesOf(Float64Array.from(data))
    case 'int32':
      return bytesOf(Int32Array.from(data))
    case 'int64':
      return bytesOf(BigInt64Array.from(Array.from(data, BigInt)))
    case 'int8':
      return bytesOf(Int8Array.from(data))
    case 'uint8':
    case 'bool':
      return Uint8Array.from(data)
    case 'uint4':
      return Uint8Array.from(
        { length: Math.ceil(data.length / 2) },
        (_, i) => data[2 * i]! | ((data[2 * i + 1] ?? 0) << 4),
      )
    default:
      throw new TypeError(`constants of type ${type} are not written; use external data or a Cast`)
  }
}
