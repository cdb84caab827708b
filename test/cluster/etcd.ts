/** etcd from Debian, on a folder that goes away with the run: no need to sync it to disk. */
import { join } from 'node:path'
import { startComponent } from './component.ts'
import { freePorts } from './ports.ts'
import type { RunRecord } from './run-record.ts'

export type Etcd = {
  readonly url: string
  /** Forgets every revision before the current one, which it returns. */
  compact(): Promise<number>
}

const post = async (url: string, body: unknown): Promise<Record<string, unknown>> => {
  const reply = await fetch(url, { method: 'POST', body: JSON.stringify(body) })
  if (!reply.ok) throw new Error(`POST ${url}: ${reply.status} ${await reply.text()}`)
  return (await reply.json()) as Record<string, unknown>
}

const compact = async (url: string): Promise<number> => {
  const { header } = await post(`${url}/v3/kv/range`, { key: Buffer.from('/').toString('base64') })
  const { revision } = header as { revision: string }
  await post(`${url}/v3/kv/compaction`, { revision, physical: true })
  return Number(revision)
}

const isHealthy = async (url: string): Promise<boolean> => {
  try {
    const reply = await fetch(`${url}/health`, { signal: AbortSignal.timeout(2000) })
    return reply.ok
  } catch {
    return false
  }
}

export const startEtcd = async (record: RunRecord): Promise<Etcd> => {
  const [clientPort, peerPort] = await freePorts(2)
  const url = `http://127.0.0.1:${clientPort}`
  const peerUrl = `http://127.0.0.1:${peerPort}`
  await startComponent(record, {
    name: 'etcd',
    command: 'etcd',
    args: [
      `--data-dir=${join(record.folder, 'etcd')}`,
      `--listen-client-urls=${url}`,
      `--advertise-client-urls=${url}`,
      `--listen-peer-urls=${peerUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      `--initial-cluster=default=${peerUrl}`,
      '--unsafe-no-fsync',
      '--log-level=warn',
    ],
    isReady: () => isHealthy(url),
  })
  return { url, compact: () => compact(url) }
}
