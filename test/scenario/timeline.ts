/** What happened in the day, line by line, and how it is printed. */
export type Entry = {
  /** hour of the story, `08:10` */
  readonly hour: string
  /** since the start of the scenario */
  readonly elapsedMs: number
  readonly who: string
  readonly object: string
  readonly what: string
}

export type Timeline = {
  readonly entries: readonly Entry[]
  /** A new hour of the story begins. */
  begin(hour: string, title: string): void
  add(who: string, object: string, what: string): void
}

const LINE_WIDTH = 88

const clock = (elapsedMs: number): string => {
  const seconds = Math.round(elapsedMs / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

const wrapped = (text: string, width: number): readonly string[] => {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + word.length + 1 > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}

/** Columns as wide as what is in them; the last one is not padded. */
export const columns = (rows: readonly (readonly string[])[]): readonly string[] => {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map(row => row[at]?.length ?? 0)))
  return rows.map(row =>
    row
      .map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}

const HEAD = ['DAY', 'CLOCK', 'WHO', 'OBJECT', 'WHAT HAPPENED'] as const

/** The hour of the story is said once. */
export const timelineText = (entries: readonly Entry[]): string => {
  const rows = entries.flatMap(({ hour, elapsedMs, who, object, what }, at) => {
    const [first = '', ...more] = wrapped(what, LINE_WIDTH)
    const said = entries[at - 1]?.hour === hour ? '' : hour
    return [
      [said, clock(elapsedMs).padStart(5), who, object, first],
      ...more.map(line => ['', '', '', '', line]),
    ]
  })
  return `${columns([HEAD, ...rows]).join('\n')}\n`
}

export const createTimeline = (
  tell: (line: string) => void,
  now: () => number = Date.now,
): Timeline => {
  const start = now()
  const entries: Entry[] = []
  let hour = ''
  return {
    entries,
    begin: (next, title) => {
      hour = next
      tell(`${hour} ${title}`)
    },
    add: (who, object, what) => {
      entries.push({ hour, elapsedMs: now() - start, who, object, what })
      tell(`  ${clock(now() - start)} ${who} ${object}: ${what}`)
    },
  }
}
