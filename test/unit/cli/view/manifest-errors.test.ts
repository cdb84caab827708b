import t from 'tap'
import type { ManifestError } from '../../../../crds/validate.ts'
import { formatManifestErrors } from '../../../../cli/src/view/manifest-errors.ts'

const error = (line: number, column: number, path = 'spec.x'): ManifestError => ({
  ...{ path, line, column },
  message: 'is wrong',
  reason: 'FieldValueInvalid',
})
const format = (text: string, ...errors: ManifestError[]) =>
  formatManifestErrors('job.yaml', text, errors)

t.test('the caret stands below the place', async t => {
  t.equal(
    format('a: 1\n  b: 2\r\n', error(2, 3)),
    'job.yaml:2:3: spec.x: is wrong\n  2 |   b: 2\n    |   ^\n',
  )
})

t.test('an error of the whole document has no field', async t => {
  t.equal(format('', error(1, 1, '')), 'job.yaml:1:1: is wrong\n')
})

t.test('tabs do not move the caret', async t => {
  t.match(format('\tb: 2', error(1, 2)), '  1 |  b: 2\n    |  ^\n')
})

t.test('a long line is cut around the place', async t => {
  const text = format(`${' '.repeat(5000)}here${'x'.repeat(5000)}`, error(1, 5001))
  const [, source = '', caret = ''] = text.split('\n')
  t.ok(source.length < 200)
  t.equal(source.slice(caret.indexOf('^')).slice(0, 4), 'here')
})

t.test('a line number that has two digits moves the caret', async t => {
  t.match(format(`${'\n'.repeat(9)}b: 2`, error(10, 4)), '  10 | b: 2\n     |    ^\n')
})
