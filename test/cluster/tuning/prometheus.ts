/** Debian's Prometheus on loopback, finding its targets through the cluster's API as a real one does. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startComponent } from '../component.ts'
import type { ControlPlane } from '../control-plane.ts'
import { freePorts } from '../ports.ts'

export type Sample = {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [number, string]
}
export type Prometheus = { query(expression: string): Promise<readonly Sample[]> }

const config = (kubeconfig: string) => ({
  global: { scrape_interval: '1s' },
  scrape_configs: [
    {
      job_name: 'attune',
      kubernetes_sd_configs: [{ role: 'pod', kubeconfig_file: kubeconfig }],
      relabel_configs: [
        // the operator's port is called metrics, a trainer's http: what the chart's PodMonitors select
        {
          source_labels: ['__meta_kubernetes_pod_container_port_name'],
          regex: 'metrics|http',
          action: 'keep',
        },
        {
          source_labels: [
            '__meta_kubernetes_pod_label_app_kubernetes_io_part_of',
            '__meta_kubernetes_pod_labelpresent_attune_dev_stage',
          ],
          regex: '.*(attune|true).*',
          action: 'keep',
        },
        { source_labels: ['__meta_kubernetes_namespace'], target_label: 'namespace' },
        { source_labels: ['__meta_kubernetes_pod_name'], target_label: 'pod' },
        { source_labels: ['__meta_kubernetes_pod_label_attune_dev_stage'], target_label: 'stage' },
      ],
    },
  ],
})

export const startPrometheus = async ({
  record,
  kubeconfig,
}: ControlPlane): Promise<Prometheus> => {
  const folder = join(record.folder, 'prometheus')
  mkdirSync(folder, { recursive: true })
  // JSON is YAML
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config(kubeconfig)))
  const [port = 0] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  await startComponent(record, {
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
  }
}
