/** Why a request failed, in words that name no host: a mirror's address is for those who set it. */
const WORDS: Readonly<Record<string, string>> = {
  EAI_AGAIN: 'the name service does not answer',
  ENOTFOUND: 'no such host',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection broken',
  EHOSTUNREACH: 'no way to the host',
  ENETUNREACH: 'no network',
  EPIPE: 'connection broken',
  ETIMEDOUT: 'no answer',
  UND_ERR_CONNECT_TIMEOUT: 'no answer',
  UND_ERR_HEADERS_TIMEOUT: 'no answer',
  UND_ERR_BODY_TIMEOUT: 'no answer',
  UND_ERR_SOCKET: 'connection broken',
}

const MAX_CAUSES = 8

/** fetch says only "fetch failed"; the system's or undici's code is on one of its causes. */
const codeOf = (error: unknown): string | undefined => {
  let at = error
  for (let depth = 0; depth < MAX_CAUSES && at instanceof Error; depth++) {
    if ('code' in at && typeof at.code === 'string') return at.code
    at = at.cause
  }
  return undefined
}

const withoutUris = (text: string): string => text.replace(/\b[a-z]+:\/\/\S+\s*/g, '').trim()

export const failureReason = (error: unknown): string => {
  const code = codeOf(error)
  if (code !== undefined) return WORDS[code] ?? code
  const message = error instanceof Error ? error.message : String(error)
  return /\bHTTP \d{3}\b/.exec(message)?.[0] ?? (withoutUris(message) || 'no answer')
}
