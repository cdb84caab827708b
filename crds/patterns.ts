/** Patterns of the definitions, and in words what each asks for: nobody should have to read a regular expression. */

/** A name of Kubernetes (RFC 1123 label). */
export const DNS_LABEL = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'
/** The same with dots (RFC 1123 subdomain). */
export const DNS_SUBDOMAIN = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$'
/** Value of a label. */
export const LABEL_VALUE = '^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$'
/** Quantity of Kubernetes (apimachinery, api/resource). */
export const QUANTITY =
  '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$'
/** `135M`, `1.1B`, `2T`, or all digits. */
export const SCALED_COUNT = '^[0-9]{1,15}([.][0-9]{1,6})?[KMBT]?$'
/** Name of a variable of the environment. */
export const VARIABLE = '^[A-Za-z_][A-Za-z0-9_]*$'
/** Field of a job that an experiment varies. */
export const PARAMETER_PATH = '^(model|dataset|method|training)(\\.[a-zA-Z][a-zA-Z0-9]*)+$'
/** What an experiment compares trials by. */
export const OBJECTIVE = '^(score|validationLoss|[a-z0-9]([-a-z0-9]*[a-z0-9])?/[a-zA-Z0-9]+)$'

const WORDS: ReadonlyMap<string, string> = new Map([
  [DNS_LABEL, 'small letters, digits and -, and begin and end with a letter or digit'],
  [DNS_SUBDOMAIN, 'small letters, digits, - and ., and begin and end with a letter or digit'],
  [LABEL_VALUE, 'letters, digits, -, _ and ., and begin and end with a letter or digit'],
  [QUANTITY, 'a number with a unit of Kubernetes, such as 500m, 2, 8Gi or 1.5G'],
  [SCALED_COUNT, 'a count with K, M, B or T, such as 135M or 1.1B'],
  [VARIABLE, 'letters, digits and _, and begin with no digit'],
  [PARAMETER_PATH, 'a field below model, dataset, method or training, such as method.lora.rank'],
  [OBJECTIVE, 'score, validationLoss or <suite>/<metric>'],
])

const COMPOSED: ReadonlySet<string> = new Set([DNS_LABEL, DNS_SUBDOMAIN, LABEL_VALUE, VARIABLE])

/** @returns `must be …` or `must have …`, without the value; undefined for a pattern without words */
export const patternInWords = (pattern: string): string | undefined => {
  const words = WORDS.get(pattern)
  if (words === undefined) return undefined
  return COMPOSED.has(pattern) ? `must have only ${words}` : `must be ${words}`
}
