/** The URL of a mirror of the model hub, or of a proxy. The chart's `values.schema.json` checks it by the same pattern. */
const NAME = '([A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?\\.)*[A-Za-z]([-A-Za-z0-9]*[A-Za-z0-9])?\\.?'
const BYTE = '(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])'
const PORT =
  '(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})'
/** Printable ASCII but for `#` and `?`, which would begin a fragment or a query. */
const PATH = '/[!"$->@-~]*'

/** Plain RE2, because Helm's is. No IPv6 literals: a pattern cannot tell which of them are addresses. */
export const HUB_ENDPOINT = `https?://(${NAME}|${BYTE}(\\.${BYTE}){3})(:${PORT})?(${PATH})?`

/** Names, addresses and endings such as `.example.org`, with commas between them. */
export const NO_PROXY_HOSTS = '[-A-Za-z0-9.:*,]*'

const WHOLE = new RegExp(`^${HUB_ENDPOINT}$`)

/** @returns what is wrong with the URL; undefined where nothing is */
export const hubEndpointProblem = (text: string): string | undefined => {
  const shown = JSON.stringify(text)
  const url = URL.parse(text)
  if (!url || !['http:', 'https:'].includes(url.protocol)) return `${shown} is no http or https URL`
  // it is written into pods, where everybody who may see them reads it
  if (url.username || url.password) return 'a URL with a user or a password cannot be given'
  if (url.search || url.hash) return `${shown} has a query or a fragment`
  return WHOLE.test(text) ? undefined : `${shown} is not written as http[s]://host[:port][/path]`
}
