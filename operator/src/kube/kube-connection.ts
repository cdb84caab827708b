/** Where the API server is and how to prove who we are; the client needs no more than this. */
import type { Agent } from 'node:http'
import type { SecureContextOptions } from 'node:tls'

export type KubeTls = Pick<SecureContextOptions, 'ca' | 'cert' | 'key' | 'pfx' | 'passphrase'> & {
  readonly servername?: string
  readonly rejectUnauthorized?: boolean
}

export type KubeCredentials = {
  readonly headers: Readonly<Record<string, string>>
  readonly tls: KubeTls
  /** Where the cluster is behind a proxy: takes the place of the client's own agent. */
  readonly proxyAgent?: Agent
}

export type KubeConnection = {
  readonly server: URL
  /** Of the context, or of the pod we run in. */
  readonly namespace: string
  /** Asked before each request, because tokens and certificates rotate. */
  credentials(): Promise<KubeCredentials>
}
