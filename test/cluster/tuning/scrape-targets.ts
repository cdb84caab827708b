/**
 * Tells Prometheus where pods with metrics are, over HTTP service discovery.
 * Debian's Prometheus is built without the Kubernetes one, so this asks the API server in its place
 * for what the chart's PodMonitors select.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Cluster } from '../node.ts'

type Pod = {
  readonly metadata: {
    readonly name: string
    readonly namespace: string
    readonly labels?: Readonly<Record<string, string>>
  }
  readonly spec: {
    readonly containers: readonly {
      readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[]
    }[]
  }
  readonly status: { readonly phase?: string; readonly podIP?: string }
}
type Target = {
  readonly targets: readonly string[]
  readonly labels: Readonly<Record<string, string>>
}

const STAGE = 'attune.dev/stage'

/** The port is called `metrics` on the operator and `http` on a trainer. */
const portOf = ({ metadata, spec }: Pod): number | undefined => {
  const name = metadata.labels?.[STAGE] ? 'http' : 'metrics'
  return spec.containers.flatMap(({ ports = [] }) => ports).find(port => port.name === name)
    ?.containerPort
}

const targetOf = (pod: Pod): readonly Target[] => {
  const { name, namespace, labels = {} } = pod.metadata
  const isOurs =
    labels[STAGE] !== undefined || labels['app.kubernetes.io/name'] === 'attune-operator'
  const port = portOf(pod)
  if (!isOurs || port === undefined || pod.status.phase !== 'Running' || !pod.status.podIP)
    return []
  const stage = labels[STAGE]
  return [
    {
      targets: [`${pod.status.podIP}:${port}`],
      labels: { namespace, pod: name, ...(stage ? { stage } : {}) },
    },
  ]
}

export const serveScrapeTargets = async ({
  kubectl,
}: Cluster): Promise<{ readonly url: string; close(): void }> => {
  const server = createServer((_, response) => {
    kubectl(['get', 'pods', '--all-namespaces', '-o', 'json']).then(
      text => {
        const { items } = JSON.parse(text) as { items: readonly Pod[] }
        response.setHeader('content-type', 'application/json')
        response.end(JSON.stringify(items.flatMap(targetOf)))
      },
      () => response.writeHead(503).end(),
    )
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}/`, close: () => void server.close() }
}
