import { existsSync } from 'node:fs'
import t from 'tap'
import { createProgram } from '../../../cli/src/program.ts'
import manifest from '../../../package.json' with { type: 'json' }
import { at, PAGES, textOf } from '../../fixtures/docs/pages.ts'

type Command = { readonly page: string; readonly words: readonly string[] }

/** Command lines of the pages' shell blocks, without comments. */
const commandsOf = (page: string): readonly Command[] =>
  [...textOf(page).matchAll(/```(?:sh|bash)\n(.*?)```/gs)]
    .flatMap(([, block = '']) => block.replaceAll(/\\\n\s*/g, '').split('\n'))
    .flatMap(line => line.replace(/(^|\s)#\s.*$/, '').split(/\s(?:&&|\|)\s/))
    .map(command => ({ page, words: command.trim().split(/\s+/) }))
    .filter(({ words }) => words[0] !== '')

const COMMANDS = PAGES.flatMap(commandsOf)
const told = ({ page, words }: Command) => `${page}: ${words.join(' ')}`

/** What comes after `npx attune`, wherever in the line it stands. */
const argumentsOfAttune = ({ words }: Command): readonly string[] | undefined => {
  const start = words.findIndex((word, i) => word === 'npx' && words[i + 1] === 'attune')
  return start < 0 ? undefined : words.slice(start + 2)
}

t.test('every page calls the command as `npx attune`', t => {
  for (const command of COMMANDS) t.not(command.words[0], 'attune', told(command))
  t.end()
})

t.test('attune has every command and option that a page names', t => {
  const { commands } = createProgram()
  let found = 0
  for (const command of COMMANDS) {
    const [name, ...rest] = argumentsOfAttune(command) ?? []
    if (name === undefined || name === '--help') continue
    found += 1
    const known = commands.find(one => one.name() === name)
    t.ok(known, told(command))
    for (const option of rest.filter(word => /^--?[a-z]/i.test(word)))
      t.ok(
        known?.options.some(({ long, short }) => [long, short].includes(option.split('=')[0])),
        `${told(command)}: ${option}`,
      )
  }
  t.ok(found > 10)
  t.end()
})

t.test('scripts and files of the repository that a command names are there', t => {
  const scripts = Object.keys(manifest.scripts)
  for (const command of COMMANDS) {
    const [program, verb, script = ''] = command.words
    if (program === 'npm' && verb === 'run') t.ok(scripts.includes(script), told(command))
    for (const word of command.words)
      if (/^(examples|charts|deploy|crds|docs)\/[\w./-]+$/.test(word))
        t.ok(existsSync(at(word)), `${told(command)}: ${word}`)
  }
  t.end()
})
