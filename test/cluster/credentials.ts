/** Tokens, the service-account key and kubeconfigs of one control plane, made afresh each start. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Users and their groups as Kubernetes' own roles and the node authorizer know them. */
const identities = {
  admin: ['admin', 'system:masters'],
  'kube-controller-manager': ['system:kube-controller-manager', ''],
  'kube-scheduler': ['system:kube-scheduler', ''],
  'kube-proxy': ['system:kube-proxy', ''],
  kubelet: ['system:node:attune-node', 'system:nodes'],
} as const

export type Identity = keyof typeof identities

const writePrivate = (file: string, text: string): void =>
  writeFileSync(file, text, { mode: 0o600 })

const writeKubeconfig = (file: string, server: string, certificate: Buffer, token: string): void =>
  writePrivate(
    file,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: 'attune',
          cluster: { server, 'certificate-authority-data': certificate.toString('base64') },
        },
      ],
      users: [{ name: 'attune', user: { token } }],
      contexts: [{ name: 'attune', context: { cluster: 'attune', user: 'attune' } }],
      'current-context': 'attune',
    }),
  )

export type Credentials = {
  readonly tokenFile: string
  readonly serviceAccountKey: string
  readonly certificateFolder: string
  /** The API server's own certificate: it makes it at its first start. */
  readonly certificateFile: string
  kubeconfigFile(identity: Identity): string
  writeKubeconfigs(server: string): void
}

export const createCredentials = (folder: string): Credentials => {
  const names = Object.keys(identities) as Identity[]
  const tokens = new Map(names.map(name => [name, randomBytes(32).toString('hex')]))
  const tokenFile = join(folder, 'tokens.csv')
  const lines = names.map(name => {
    const [user, group] = identities[name]
    return `${tokens.get(name)},${user},${user}${group === '' ? '' : `,"${group}"`}\n`
  })
  writePrivate(tokenFile, lines.join(''))
  const serviceAccountKey = join(folder, 'service-account.key')
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  writePrivate(serviceAccountKey, privateKey.export({ type: 'pkcs1', format: 'pem' }) as string)
  const certificateFolder = join(folder, 'certificates')
  const certificateFile = join(certificateFolder, 'apiserver.crt')
  const kubeconfigFile = (identity: Identity): string => join(folder, `${identity}.kubeconfig`)
  return {
    tokenFile,
    serviceAccountKey,
    certificateFolder,
    certificateFile,
    kubeconfigFile,
    writeKubeconfigs: server => {
      const certificate = readFileSync(certificateFile)
      for (const name of names) {
        writeKubeconfig(kubeconfigFile(name), server, certificate, tokens.get(name) as string)
      }
    },
  }
}
