import t from 'tap'
import { promtoolTakes } from '../../fixtures/metrics/scrape.ts'
import { trainingScrape } from '../../fixtures/metrics/training-scrape.ts'

t.test('a training tells what the page documents, and nothing else', async t => {
  const text = await trainingScrape(t)
  t.match(text, /^attune_stage_progress_ratio\{stage="train"\} /m)
  await promtoolTakes(t, text)
})
