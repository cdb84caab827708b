/** A list of integers that grows, at four bytes each. */
export const growing = (initial = 1024) => {
  let values = new Int32Array(initial)
  let count = 0
  return {
    push(value: number) {
      if (count === values.length) {
        const larger = new Int32Array(2 * values.length)
        larger.set(values)
        values = larger
      }
      values[count++] = value
    },
    values: () => values.subarray(0, count),
  }
}
