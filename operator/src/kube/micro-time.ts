/** MicroTime of apimachinery: RFC 3339 with six decimals; with three it is refused. */
export const microTime = (ms: number): string =>
  `${new Date(ms).toISOString().replace('Z', '')}000Z`
