/** The sessions that a micro-batch goes through, by name: `train-4x512-2`. */

export type StepSession = {
  readonly kind: 'train' | 'evaluate'
  readonly rows: number
  /** tokens of a row */
  readonly length: number
  readonly threads: number
}

export const keyOf = ({ kind, rows, length, threads }: StepSession): string =>
  `${kind}-${rows}x${length}-${threads}`

/** @returns undefined of any other key */
export const stepOf = (key: string): StepSession | undefined => {
  const [, kind, ...sizes] = /^(train|evaluate)-(\d+)x(\d+)-(\d+)$/.exec(key) ?? []
  if (kind !== 'train' && kind !== 'evaluate') return undefined
  const [rows, length, threads] = sizes.map(Number) as [number, number, number]
  return { kind, rows, length, threads }
}
