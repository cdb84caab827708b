/** `--mount claim=DIR`: folders of this machine that stand for the claims of `pvc://` URIs. */
import { mkdir, readlink, rm, stat, symlink } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { StageSpec } from '@attune/crds/resolved-spec.ts'
import { parseSource } from '@attune/trainer/source/parse-uri.ts'
import { Option } from 'commander'
import { CliError } from '../cli-error.ts'

export type Mounts = Readonly<Record<string, string>>

const CLAIM = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/

/** Adds one `claim=DIR`; the shape of commander's option parsers. */
export const parseMount = (text: string, earlier: Mounts): Mounts => {
  const at = text.indexOf('=')
  const claim = text.slice(0, at)
  const folder = text.slice(at + 1)
  if (at < 1 || !CLAIM.test(claim) || !folder)
    throw new CliError(`--mount ${text}: write claim=DIR, such as datasets=./data`)
  return { ...earlier, [claim]: resolve(folder) }
}

export const mountOption = (): Option =>
  new Option('--mount <claim=dir>', 'folder for pvc://claim/…; may be repeated')
    .argParser(parseMount)
    .default({}, 'none')

type Use = { readonly field: string; readonly claim: string }

/** Every claim that the spec names, with the field that does. */
export const claimsOf = (spec: StageSpec): readonly Use[] => {
  const uris: [string, string][] = [
    ['spec.model.source.uri', spec.model.source.uri],
    ...(spec.method.lora.startFrom
      ? [['spec.method.lora.startFrom.uri', spec.method.lora.startFrom.uri] as [string, string]]
      : []),
    ...(spec.dataset.sources ?? []).map((source, i): [string, string] => [
      `spec.dataset.sources[${i}].uri`,
      source.uri,
    ]),
    ...(spec.dataset.validation.sources ?? []).map((source, i): [string, string] => [
      `spec.dataset.validation.sources[${i}].uri`,
      source.uri,
    ]),
    ['spec.output.uri', spec.output.uri],
  ]
  return uris.flatMap(([field, uri]) => {
    const source = parseSource(uri)
    return source.kind === 'pvc' ? [{ field, claim: source.claim }] : []
  })
}

const linkClaim = async (root: string, claim: string, folder: string) => {
  const at = join(root, claim)
  if ((await readlink(at).catch(() => undefined)) === folder) return
  await rm(at, { force: true })
  await symlink(folder, at)
}

const notMounted = ({ field, claim }: Use): string =>
  `${field}: pvc://${claim} is a volume claim of a cluster; say which folder stands for it: --mount ${claim}=DIR`

/** @returns the folder that holds the claims, for the stages */
export const mountClaims = async (
  workspace: string,
  spec: StageSpec,
  mounts: Mounts,
): Promise<string> => {
  const root = join(workspace, 'claims')
  await mkdir(root, { recursive: true })
  const missing = claimsOf(spec).filter(({ claim }) => !Object.hasOwn(mounts, claim))
  if (missing.length > 0) throw new CliError(missing.map(notMounted).join('\n'))
  for (const [claim, folder] of Object.entries(mounts)) {
    const found = await stat(folder).catch(() => undefined)
    if (!found?.isDirectory()) throw new CliError(`--mount ${claim}=${folder}: no such folder`)
    await linkClaim(root, claim, folder)
  }
  return root
}
