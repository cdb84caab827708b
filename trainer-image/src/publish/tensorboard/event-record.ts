/** One record of a TensorBoard event file: the messages Event and Summary of tensorflow's event.proto, framed as record_writer.h says. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { maskedCrc32c } from './crc32c.ts'

export type ScalarEvent = {
  /** seconds since 1970 */
  readonly wallTime: number
  readonly step: number
  /** tag → value */
  readonly scalars: Readonly<Record<string, number>>
}

const eventBase = (wallTime: number) => {
  const writer = new BinaryWriter()
  writer.tag(1, WireType.Bit64).double(wallTime)
  return writer
}

/** length, its checksum, data, their checksum; all little-endian */
const framed = (data: Uint8Array): Uint8Array => {
  const record = new Uint8Array(8 + 4 + data.length + 4)
  const view = new DataView(record.buffer)
  view.setBigUint64(0, BigInt(data.length), true)
  view.setUint32(8, maskedCrc32c(record.subarray(0, 8)), true)
  record.set(data, 12)
  view.setUint32(12 + data.length, maskedCrc32c(data), true)
  return record
}

/** The first record of every file. */
export const versionRecord = (wallTime: number): Uint8Array =>
  framed(eventBase(wallTime).tag(3, WireType.LengthDelimited).string('brain.Event:2').finish())

export const scalarRecord = ({ wallTime, step, scalars }: ScalarEvent): Uint8Array => {
  const writer = eventBase(wallTime).tag(2, WireType.Varint).int64(step)
  writer.tag(5, WireType.LengthDelimited).fork()
  for (const [tag, value] of Object.entries(scalars)) {
    writer.tag(1, WireType.LengthDelimited).fork()
    writer.tag(1, WireType.LengthDelimited).string(tag).tag(2, WireType.Bit32).float(value)
    writer.join()
  }
  return framed(writer.join().finish())
}
