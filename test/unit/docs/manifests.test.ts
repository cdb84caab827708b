import { validateManifest } from '@attune/crds/validate.ts'
import t from 'tap'
import { PAGES, textOf } from '../../fixtures/docs/pages.ts'

const blocksOf = (page: string): readonly string[] =>
  [...textOf(page).matchAll(/```ya?ml\n(.*?)```/gs)].map(([, block = '']) => block)

t.test('every whole manifest on a page is valid', t => {
  let found = 0
  for (const page of PAGES)
    for (const block of blocksOf(page)) {
      // others show a part of a spec
      if (!block.includes('apiVersion: attune.dev/')) continue
      found += 1
      const mode = block.includes('file://') ? 'local' : 'cluster'
      t.strictSame(validateManifest(block, { mode }).errors, [], page)
    }
  t.ok(found >= 3)
  t.end()
})
