import { readFileSync, writeFileSync } from 'node:fs'

const hostsFile = '/etc/hosts'

/** Written in place, not renamed: in many containers the file is a mount. */
export const addHostsLine = (line: string): void => {
  const text = readFileSync(hostsFile, 'utf8')
  if (text.split('\n').includes(line)) return
  writeFileSync(hostsFile, `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${line}\n`)
}

export const removeHostsLine = (line: string): void => {
  const lines = readFileSync(hostsFile, 'utf8').split('\n')
  if (!lines.includes(line)) return
  writeFileSync(hostsFile, lines.filter(other => other !== line).join('\n'))
}
