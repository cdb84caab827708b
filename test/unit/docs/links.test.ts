import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { at, PAGES, pagesIn, textOf } from '../../fixtures/docs/pages.ts'

/** Targets of `[text](target)` that are no URL; patterns in code look alike. */
const linksOf = (page: string): readonly string[] =>
  [
    ...textOf(page)
      .replaceAll(/```.*?```|`[^`\n]*`/gs, '')
      .matchAll(/\]\(([^)\s]+)\)/g),
  ]
    .map(([, target = '']) => target)
    .filter(target => !/^[a-z]+:/.test(target))

/** As GitHub makes it of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{Letter}\p{Number}\s_-]/gu, '')
    .replaceAll(' ', '-')
const anchorsOf = (path: string): readonly string[] =>
  [...readFileSync(path, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    anchorOf(heading),
  )

t.test('every link leads somewhere', t => {
  for (const page of PAGES)
    for (const link of linksOf(page)) {
      const [file = '', anchor] = link.split('#', 2)
      const path = file === '' ? at(page) : join(dirname(at(page)), file)
      t.ok(existsSync(path), `${page}: ${link}`)
      if (anchor !== undefined && existsSync(path))
        t.ok(anchorsOf(path).includes(anchor), `${page}: ${link} names a heading`)
    }
  t.end()
})

t.test('the README leads to every page', t => {
  const linked = linksOf('README.md')
  for (const page of pagesIn('docs').filter(page => !page.startsWith('docs/decisions/')))
    t.ok(linked.includes(page), page)
  t.ok(linked.includes('docs/decisions'))
  t.end()
})
