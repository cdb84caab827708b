/** A source's uri in parts; nothing of it is looked at outside of this file. */
import { parseHubUri } from '@attune/crds/hub-uri.ts'
import { invalidSpec } from '../stage-error.ts'

export type Source =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'pvc'; readonly claim: string; readonly path: string }
  | { readonly kind: 'http'; readonly url: URL }
  | HubSource
export type HubSource = {
  readonly kind: 'hub'
  readonly type: 'model' | 'dataset'
  /** owner/name */
  readonly name: string
  readonly revision: string | undefined
  /** path within the repository */
  readonly path: string | undefined
}

export const parseSource = (uri: string): Source => {
  if (uri.startsWith('file://')) return { kind: 'file', path: filePath(uri) }
  if (uri.startsWith('pvc://')) return pvc(uri)
  if (uri.startsWith('hf://')) return hub(uri)
  if (/^https?:\/\//.test(uri)) return http(uri)
  throw invalidSpec(
    `uri ${shown(uri)} has an unknown scheme; hf://, https://, pvc:// and file:// are supported`,
  )
}

const shown = (uri: string) => JSON.stringify(uri.replace(/[?#].*$/, '').slice(0, 200))

const filePath = (uri: string): string => {
  const path = decode(uri, uri.slice('file://'.length))
  if (path === '') throw invalidSpec(`uri ${shown(uri)} has no path`)
  return path
}

const pvc = (uri: string): Source => {
  const [, claim, path = ''] = /^pvc:\/\/([a-z0-9][a-z0-9.-]{0,252})(?:\/(.*))?$/.exec(uri) ?? []
  if (!claim) throw invalidSpec(`uri ${shown(uri)} does not name a claim; write pvc://claim/path`)
  return { kind: 'pvc', claim, path: safePath(uri, path) }
}

const hub = (uri: string): HubSource => {
  const found = parseHubUri(uri)
  if (!found)
    throw invalidSpec(
      `uri ${shown(uri)} is not hf://owner/name[@revision][/file] or hf://datasets/owner/name[@revision]/file`,
    )
  const { revision, path, ...rest } = found
  return {
    kind: 'hub',
    ...rest,
    revision: revision === undefined ? undefined : decode(uri, revision),
    path: path === undefined ? undefined : safePath(uri, path),
  }
}

/** For messages: what comes after `?` is often a signature that opens the file to its reader. */
export const withoutQuery = (url: URL): string => `${url.origin}${url.pathname}`

/** Plain http only where nothing leaves the machine. */
export const isAllowedOrigin = (url: URL): boolean =>
  url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))

export const isLoopback = (url: URL): boolean =>
  ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname)

const http = (uri: string): Source => {
  const url = URL.parse(uri)
  if (!url || !isAllowedOrigin(url)) throw invalidSpec(`uri ${shown(uri)} is not an https:// URL`)
  if (url.username !== '' || url.password !== '')
    throw invalidSpec(
      `the uri of ${url.host} has a password in it; use a signed URL, or hf:// with a token`,
    )
  return { kind: 'http', url }
}

/** Decodes each part, none of which may lead upwards. */
const safePath = (uri: string, path: string): string => {
  const parts = path.split('/').map(part => decode(uri, part))
  if (parts.some(part => part === '..' || part.includes('/') || part.includes('\0')))
    throw invalidSpec(`uri ${shown(uri)} leads out of its source; ".." is not allowed`)
  return parts.filter(part => part !== '' && part !== '.').join('/')
}

const decode = (uri: string, text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch (cause) {
    throw invalidSpec(`uri ${shown(uri)} has a broken %-escape`, { cause })
  }
}
