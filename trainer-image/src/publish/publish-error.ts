/** What a person can do about an output that cannot be written. */
import { publishFailed, StageError, StageStopped } from '../stage-error.ts'

const ADVICE: Readonly<Record<string, string>> = {
  EACCES: "let the trainer's user write there",
  EPERM: "let the trainer's user write there",
  EROFS: 'mount it writable',
  ENOSPC: 'free some space or enlarge the volume',
  EDQUOT: 'free some space or raise the quota',
  ENOTDIR: 'a part of the path is a file; choose another folder',
  EEXIST: 'a file of that name is in the way; choose another folder',
  ENOENT: 'check that the volume is mounted and the path exists',
}

/** @returns the failure to write to `uri`, naming the system's error code and what to do */
export const cannotPublish = (uri: string, cause: unknown): Error => {
  if (cause instanceof StageError || cause instanceof StageStopped) return cause
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
  const advice = ADVICE[code] ?? 'check the output'
  return publishFailed(`output.uri ${uri}: cannot be written (${code}); ${advice}`, { cause })
}
