import type { AddressInfo } from 'node:net'
import t from 'tap'
import { createTrainerMetrics } from '../../../trainer-image/src/metrics.ts'
import { createProgressReporter } from '../../../trainer-image/src/progress-reporter.ts'
import { startServer } from '../../../trainer-image/src/server.ts'

t.test('one port answers for progress, metrics and health', async t => {
  const metrics = createTrainerMetrics()
  const reporter = createProgressReporter('train', metrics, () => {})
  const server = await startServer({
    port: 0,
    host: '127.0.0.1',
    registry: metrics.registry,
    progress: reporter.current,
  })
  t.teardown(() => server.close())
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  reporter.report({ activity: 'training', fraction: 0.25 })
  metrics.loss.set(1.5)

  t.strictSame(await (await fetch(`${base}/progress`)).json(), {
    stage: 'train',
    activity: 'training',
    fraction: 0.25,
  })
  const text = await (await fetch(`${base}/metrics`)).text()
  t.match(text, /^attune_training_loss 1\.5$/m)
  t.match(text, /^attune_stage_progress_ratio\{stage="train"\} 0\.25$/m)
  t.equal((await fetch(`${base}/healthz`)).status, 200)
  t.equal((await fetch(`${base}/elsewhere`)).status, 404)
})

t.test('progress is passed on at most ten times a second, but no new activity is lost', async t => {
  let now = 0
  const sent: string[] = []
  const reporter = createProgressReporter(
    'train',
    createTrainerMetrics(),
    progress => void sent.push(`${progress.activity} ${progress.fraction}`),
    () => now,
  )
  reporter.report({ activity: 'training', fraction: 0.1 })
  reporter.report({ activity: 'training', fraction: 0.2 })
  now = 150
  reporter.report({ activity: 'training', fraction: 0.3 })
  reporter.report({ activity: 'saving', fraction: 0.4 })
  reporter.report({ activity: 'saving', fraction: 1 })
  t.strictSame(sent, ['training 0.1', 'training 0.3', 'saving 0.4', 'saving 1'])
  t.equal(reporter.current().fraction, 1)
})
