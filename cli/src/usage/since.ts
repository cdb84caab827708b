/** `90m`, `24h`, `7d`, `4w` → seconds. */
import { CliError } from '../cli-error.ts'

const SECONDS = { m: 60, h: 3600, d: 86_400, w: 604_800 } as const
const MAX_SECONDS = 366 * 86_400

export const parseSince = (text: string): number => {
  const match = /^([1-9]\d{0,5})([mhdw])$/.exec(text)
  const seconds = match ? Number(match[1]) * SECONDS[match[2] as keyof typeof SECONDS] : 0
  if (seconds > 0 && seconds <= MAX_SECONDS) return seconds
  throw new CliError(
    `--since: ${JSON.stringify(text)} is no time like 90m, 24h, 7d or 4w, a year at most`,
  )
}
