/** Debian's Prometheus on loopback, scraping operator and trainer pods. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startComponent } from '../component.ts'
import type { Cluster } from '../node.ts'
import { freePorts } from '../ports.ts'
import { serveScrapeTargets } from './scrape-targets.ts'

export type Sample = {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [number, string]
}
export type Prometheus = {
  query(expression: string): Promise<readonly Sample[]>
  stop(): Promise<void>
}

const config = (targets: string) => ({
  global: { scrape_interval: '1s', scrape_timeout: '1s' },
  // what a pod says of its namespace is kept: the operator's jobs live in other namespaces than itself
  scrape_configs: [
    {
      job_name: 'attune',
      honor_labels: true,
      http_sd_configs: [{ url: targets, refresh_interval: '2s' }],
    },
  ],
})

export const startPrometheus = async (cluster: Cluster): Promise<Prometheus> => {
  const { record } = cluster
  const folder = join(record.folder, 'prometheus')
  mkdirSync(folder, { recursive: true })
  const targets = await serveScrapeTargets(cluster)
  // JSON is YAML
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config(targets.url)))
  const [port = 0] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  const component = await startComponent(record, {
    name: 'prometheus',
    command: 'prometheus',
    args: [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    isReady: () =>
      fetch(`${url}/-/ready`).then(
        reply => reply.ok,
        () => false,
      ),
  })
  return {
    query: async expression => {
      const reply = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expression)}`)
      const body = (await reply.json()) as { data?: { result?: readonly Sample[] } }
      return body.data?.result ?? []
    },
    stop: async () => {
      targets.close()
      await component.stop()
    },
  }
}
