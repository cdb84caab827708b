import t from 'tap'
import { createTimeline, timelineText } from '../../scenario/timeline.ts'

t.test('a timeline says each hour once, and wraps what is long', async t => {
  const times = [0, 61_000, 61_000, 122_400, 122_400]
  const told: string[] = []
  const timeline = createTimeline(
    line => told.push(line),
    () => times.shift() ?? 200_000,
  )
  timeline.begin('08:00', 'opening')
  timeline.add('platform', 'chart', 'installed')
  timeline.add('team-a', 'job', 'word '.repeat(30).trim())
  t.equal(
    timelineText(timeline.entries),
    [
      'DAY    CLOCK  WHO       OBJECT  WHAT HAPPENED',
      '08:00   1:01  platform  chart   installed',
      `        2:02  team-a    job     ${'word '.repeat(17).trim()}`,
      `                                ${'word '.repeat(13).trim()}`,
      '',
    ].join('\n'),
  )
  t.strictSame(told[0], '08:00 opening')
})
