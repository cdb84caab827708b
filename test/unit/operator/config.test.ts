import t from 'tap'
import { ConfigError, readConfig, usage } from '../../../operator/src/config.ts'

const IMAGE = ['--trainer-image', 'attune/trainer:1']

t.test('defaults', async t => {
  t.strictSame(readConfig(IMAGE, {}), {
    trainerImage: 'attune/trainer:1',
    trainerImagePullPolicy: 'IfNotPresent',
    trainerPort: 8080,
    leaderElect: false,
    metricsPort: 8080,
    healthPort: 8081,
    pollIntervalMs: 5000,
    resyncMs: 600_000,
    workers: 4,
    logLevel: 'info',
  })
})

t.test('flags, and variables behind them', async t => {
  const environment = { ATTUNE_TRAINER_IMAGE: 'from-variable', ATTUNE_LEADER_ELECT: 'true' }
  t.match(readConfig(['--namespace=a', '--poll-interval', '0.5'], environment), {
    trainerImage: 'from-variable',
    leaderElect: true,
    namespace: 'a',
    pollIntervalMs: 500,
  })
  t.match(readConfig(IMAGE, environment), { trainerImage: 'attune/trainer:1' })
})

t.test('what cannot be is refused, with the flag and the value', async t => {
  const cases = {
    '--trainer-image is missing': [],
    "Unknown option '--what'": [...IMAGE, '--what'],
    '--metrics-port: "65536"': [...IMAGE, '--metrics-port', '65536'],
    '--metrics-port: 1.5': [...IMAGE, '--metrics-port', '1.5'],
    '--workers: "many"': [...IMAGE, '--workers', 'many'],
    '--log-level: "loud" is none of': [...IMAGE, '--log-level', 'loud'],
    '--trainer-image-pull-policy: "Sometimes"': [...IMAGE, '--trainer-image-pull-policy=Sometimes'],
  }
  for (const [message, args] of Object.entries(cases))
    t.throws(() => readConfig(args, {}), { name: ConfigError.name, message: new RegExp(message) })
})

t.test('help names every flag', async t => {
  t.equal(readConfig(['--help'], {}), undefined)
  for (const flag of ['--trainer-image IMAGE', '--leader-elect', '--poll-interval SECONDS'])
    t.match(usage(), flag)
})
