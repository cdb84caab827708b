/** A failure that ends the command with one message and an exit code, never a stack trace. */
export class CliError extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode = 1, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CliError'
    this.exitCode = exitCode
  }
}

const IN_WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder',
  EISDIR: 'is a folder, not a file',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EEXIST: 'a file of that name is in the way',
  EACCES: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left',
}

/** What the system says in words; the message of anything else. */
export const causeOf = (error: unknown): string => {
  const { code } = error as NodeJS.ErrnoException
  if (code !== undefined) return IN_WORDS[code] ?? code
  return error instanceof Error ? error.message : String(error)
}
