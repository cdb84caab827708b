import t from 'tap'
import { ConfigError, readConfig, usage } from '../../../operator/src/config.ts'

const IMAGE = ['--trainer-image', 'attune/trainer:1']

t.test('defaults', async t => {
  t.strictSame(readConfig(IMAGE, {}), {
    trainerImage: 'attune/trainer:1',
    trainerImagePullPolicy: 'IfNotPresent',
    trainerPort: 8080,
    namespaces: [],
    checkPolicies: false,
    reportPolicies: false,
    readCatalogue: false,
    verifyCatalogue: false,
    discoveryMs: 30_000,
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
  t.match(
    readConfig(
      [
        '--namespaces=a,b',
        '--check-policies',
        '--report-policies',
        '--read-catalogue',
        '--verify-catalogue',
        '--poll-interval',
        '0.5',
      ],
      environment,
    ),
    {
      trainerImage: 'from-variable',
      leaderElect: true,
      namespaces: ['a', 'b'],
      checkPolicies: true,
      reportPolicies: true,
      readCatalogue: true,
      verifyCatalogue: true,
      pollIntervalMs: 500,
    },
  )
  t.match(readConfig(IMAGE, environment), { trainerImage: 'attune/trainer:1' })
})

t.test('the hub may be another', async t => {
  t.match(readConfig([...IMAGE, '--hub-endpoint', 'http://hub.models.svc:8080/mirror'], {}), {
    hubEndpoint: 'http://hub.models.svc:8080/mirror',
  })
  t.match(readConfig(IMAGE, { ATTUNE_HUB_ENDPOINT: 'https://hub.example.org' }), {
    hubEndpoint: 'https://hub.example.org',
  })
})

t.test('sources may be fetched through a proxy', async t => {
  const proxy = ['--https-proxy', 'http://proxy.example.org:3128']
  t.equal(readConfig(IMAGE, {})?.proxy, undefined)
  t.strictSame(readConfig([...IMAGE, ...proxy], {})?.proxy, {
    url: 'http://proxy.example.org:3128',
  })
  t.strictSame(readConfig([...IMAGE, ...proxy, '--no-proxy', '.svc,10.0.0.1'], {})?.proxy, {
    url: 'http://proxy.example.org:3128',
    noProxy: '.svc,10.0.0.1',
  })
})

t.test('what cannot be is refused, with the flag and the value', async t => {
  const cases = {
    '--trainer-image is missing': [],
    "Unknown option '--what'": [...IMAGE, '--what'],
    '--metrics-port: "65536"': [...IMAGE, '--metrics-port', '65536'],
    '--metrics-port: 1.5': [...IMAGE, '--metrics-port', '1.5'],
    '--namespaces: "A" is no name of a namespace': [...IMAGE, '--namespaces=a,A'],
    '--network-policy-from: "a b"': [...IMAGE, '--network-policy-from', 'a b'],
    '--namespaces: 101 namespaces; at most 100': [
      ...IMAGE,
      `--namespaces=${Array.from({ length: 101 }, (_, i) => `n${i}`)}`,
    ],
    '--workers: "many"': [...IMAGE, '--workers', 'many'],
    '--log-level: "loud" is none of': [...IMAGE, '--log-level', 'loud'],
    '--trainer-image-pull-policy: "Sometimes"': [...IMAGE, '--trainer-image-pull-policy=Sometimes'],
    '--hub-endpoint: "hub.example.org" is no http or https URL': [
      ...IMAGE,
      '--hub-endpoint',
      'hub.example.org',
    ],
    '--hub-endpoint: "file:///etc" is no http or https URL': [
      ...IMAGE,
      '--hub-endpoint',
      'file:///etc',
    ],
    '--https-proxy: "proxy:3128" is no http or https URL': [...IMAGE, '--https-proxy=proxy:3128'],
    '--no-proxy: "a b" is no list of hosts': [...IMAGE, '--no-proxy=a b'],
    '--hub-endpoint: a URL with a user or a password': [
      ...IMAGE,
      '--hub-endpoint',
      'https://user:word@hub.example.org',
    ],
    '--hub-endpoint: "https://hub.example.org/.a=1" has a query': [
      ...IMAGE,
      '--hub-endpoint',
      'https://hub.example.org/?a=1',
    ],
  }
  for (const [message, args] of Object.entries(cases))
    t.throws(() => readConfig(args, {}), { name: ConfigError.name, message: new RegExp(message) })
})

t.test('help names every flag', async t => {
  t.equal(readConfig(['--help'], {}), undefined)
  for (const flag of ['--trainer-image IMAGE', '--leader-elect', '--poll-interval SECONDS'])
    t.match(usage(), flag)
})
