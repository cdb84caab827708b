/** Entry of the operator: flags in, exit code out. */
import { ConfigError, readConfig, usage } from './config.ts'
import { loadKubeConnection } from './kube/kube-config.ts'
import { createLog } from './log.ts'
import { startOperator } from './run-operator.ts'

/** Less than the pod's grace period of 30 s. */
const STOP_LIMIT_MS = 25_000
const EXIT_USAGE = 64

const main = async (): Promise<void> => {
  const config = readConfig(process.argv.slice(2), process.env)
  if (!config) {
    process.stdout.write(usage())
    return
  }
  const log = createLog(config.logLevel)
  const connection = loadKubeConnection(config.kubeconfig ? { kubeconfig: config.kubeconfig } : {})
  const operator = await startOperator({
    config,
    connection,
    log,
    onLost: error => {
      log.fatal({ err: error }, 'cannot go on')
      process.exit(1)
    },
  })
  const { metricsPort, healthPort } = operator
  log.info({ metricsPort, healthPort, server: connection.server.href }, 'started')

  const stop = async (signal: string) => {
    log.info({ signal }, 'stopping')
    setTimeout(() => process.exit(1), STOP_LIMIT_MS).unref()
    await operator.stop()
    log.info({}, 'stopped')
    process.exit(0)
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      // its own failure ends the process with a stack trace, as it should
      void stop(signal)
    })
}

main().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error)
  process.stderr.write(`${message}\n`)
  process.exitCode = error instanceof ConfigError ? EXIT_USAGE : 1
  if (!(error instanceof ConfigError)) process.exit(1)
})
