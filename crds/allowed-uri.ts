/** Whether an entry of a policy allows a URI; written once as CEL for the API server and once for the operator. */

/**
 * Segments that a reader of the URI would take as "one folder up", and characters that it would drop or take
 * as a slash (WHATWG URL, sections 4.2 and 4.4): what such a URI starts with is not where it leads.
 */
export const DISGUISED_URI = '[/\\\\@](\\.|%2[eE]){2}([/\\\\?#@]|$)|[\\\\\\t\\r\\n]'

const disguised = new RegExp(DISGUISED_URI)

/** An entry that ends in `/` allows what starts with it; another only itself and what lies below it. */
const entryAllows = (uri: string, entry: string): boolean =>
  uri === entry ||
  uri.startsWith(entry.endsWith('/') ? entry : `${entry}/`) ||
  // a revision of the hub; elsewhere what stands before @ is a user and no host
  (entry.startsWith('hf://') && uri.startsWith(`${entry}@`))

export const isAllowedUri = (uri: string, entries: readonly string[]): boolean =>
  !disguised.test(uri) && entries.some(entry => entryAllows(uri, entry))

const celString = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

/** @param uri and entries are CEL: a string, and a list of strings */
export const isAllowedUriInCel = (uri: string, entries: string): string =>
  [
    `!${uri}.matches(${celString(DISGUISED_URI)}) && ${entries}.exists(entry,`,
    `${uri} == entry`,
    `|| ${uri}.startsWith(entry.endsWith('/') ? entry : entry + '/')`,
    `|| (entry.startsWith('hf://') && ${uri}.startsWith(entry + '@')))`,
  ].join(' ')
