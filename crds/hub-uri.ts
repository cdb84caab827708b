/** How a repository of the hub is written; trainer and operator read it by the same pattern. */

/** Groups: `datasets/` where it is one, `owner/name`, revision, path within the repository. */
const HUB_URI =
  /^hf:\/\/(datasets\/)?([\w.-]{1,96}\/[\w.-]{1,96})(?:@(refs\/pr\/\d{1,9}|[^/@]{1,255}))?(?:\/(.+))?$/

/** A model, as RE2 reads it and so the API server: no dataset, and no file but GGUF. */
const HUB_MODEL =
  '^hf://[A-Za-z0-9_.-]{1,96}/[A-Za-z0-9_.-]{1,96}(@(refs/pr/[0-9]{1,9}|[^/@]{1,255}))?(/.+[.]gguf)?$'
const hubFile = (datasets: string) =>
  `^hf://${datasets}[A-Za-z0-9_.-]{1,96}/[A-Za-z0-9_.-]{1,96}(@(refs/pr/[0-9]{1,9}|[^/@]{1,255}))?/.`
const HUB_DATASET = '^hf://datasets/[^/]+/'

/** CEL over a uri: true of everything that is not of the hub. */
export const isHubModelRule = (uri: string): string =>
  `!${uri}.startsWith('hf://') || (${uri}.matches('${HUB_MODEL}') && !${uri}.matches('${HUB_DATASET}'))`

export const isHubFileRule = (uri: string): string =>
  `!${uri}.startsWith('hf://') || (${uri}.startsWith('hf://datasets/') ? ${uri}.matches('${hubFile('datasets/')}') : ${uri}.matches('${hubFile('')}'))`

/** As it is written: escapes are not decoded. */
export type HubUri = {
  readonly type: 'model' | 'dataset'
  /** owner/name */
  readonly name: string
  readonly revision: string | undefined
  readonly path: string | undefined
}

/** @returns undefined where it is not written so */
export const parseHubUri = (uri: string): HubUri | undefined => {
  const [, datasets, name = '', revision, path] = HUB_URI.exec(uri) ?? []
  if (!name || name.split('/').some(part => /^\.+$/.test(part))) return undefined
  return { type: datasets ? 'dataset' : 'model', name, revision, path }
}

const COMMIT = /^[0-9a-f]{40,64}$/

/**
 * Of whole repositories alone: who may use one may use each of its revisions, and a policy may name a file
 * without its revision.
 * @returns the model at that commit; as it is written where it has a revision of its own
 */
export const atCommit = (uri: string, commit: string): string => {
  const found = parseHubUri(uri)
  const isOpen = found?.type === 'model' && found.revision === undefined && found.path === undefined
  return isOpen && COMMIT.test(commit) ? `${uri}@${commit}` : uri
}
