import { readFileSync } from 'node:fs'
import { run } from '../run-command.ts'

/** Mount points at or under a folder, the deepest first (field 5 of mountinfo, proc(5)). */
export const mountsUnder = (folder: string): string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map(line => line.split(' ')[4])
    .filter(path => path === folder || path?.startsWith(`${folder}/`))
    .map(path =>
      (path as string).replace(/\\(\d{3})/g, (_, o) => String.fromCharCode(parseInt(o, 8))),
    )
    .toReversed()

export const unmountUnder = async (folder: string): Promise<void> => {
  for (const path of mountsUnder(folder)) {
    await run('umount', ['--lazy', path], { mayFail: true })
  }
  const left = mountsUnder(folder)
  if (left.length > 0) throw new Error(`cannot unmount ${left.join(', ')}`)
}
