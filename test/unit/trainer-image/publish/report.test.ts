import { parseHTML } from 'linkedom'
import t from 'tap'
import { difference } from '../../../../trainer-image/src/publish/report/difference.ts'
import {
  count,
  duration,
  figure,
  percent,
  points,
} from '../../../../trainer-image/src/publish/report/format.ts'
import { html, trusted } from '../../../../trainer-image/src/publish/report/html.ts'
import { smoothed } from '../../../../trainer-image/src/publish/report/smooth.ts'

t.test('values in HTML are escaped, markup is not', async t => {
  const attack = `<script>alert("1")</script>&'`
  const { markup } = html`<p title="${attack}">${attack}${[html`<b>${1}</b>`, ' ', undefined]}</p>`
  t.equal(
    markup,
    '<p title="&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;">' +
      '&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;<b>1</b> </p>',
  )
  t.equal(html`${trusted('<svg></svg>')}`.markup, '<svg></svg>')
  const { document } = parseHTML(`<div>${markup}</div>`)
  t.equal(document.querySelector('script'), null)
  t.equal(document.querySelector('p')?.getAttribute('title'), attack)
})

t.test('characters that HTML does not allow are replaced, line ends and tabs kept', async t => {
  t.equal(html`${'a\u0000b\u001b[1m\ud800\tc\nd'}`.markup, 'a\ufffdb\ufffd[1m\ufffd\tc\nd')
})

t.test('figures are written as people read them', async t => {
  const cases: readonly (readonly [string, string])[] = [
    [count(1234567), '1\u202f234\u202f567'],
    [count(999), '999'],
    [percent(0.9412), '94.1\u202f%'],
    [percent(1, 0), '100\u202f%'],
    [points(0.9), '+90.0'],
    [points(-0.051), '\u22125.1'],
    [points(-0.00001), '0.0'],
    [figure(0.00002), '2.0e\u22125'],
    [figure(0.0432123), '0.0432'],
    [figure(12.345), '12.35'],
    [figure(123.4), '123'],
    [figure(0), '0.00'],
    [figure(Number.NaN), '–'],
    [duration(2.34), '2.3 s'],
    [duration(59.4), '59 s'],
    [duration(398), '6 min 38 s'],
    [duration(1500), '25 min'],
    [duration(4523), '1 h 15 min'],
  ]
  for (const [given, wanted] of cases) t.equal(given, wanted)
})

t.test('a difference is what lies between the shared ends', async t => {
  const cases: readonly (readonly [string, string, readonly [string, string, string]])[] = [
    ['abXcd', 'abYYcd', ['ab', 'X', 'cd']],
    ['abc', 'abc', ['abc', '', '']],
    ['aa', 'aaa', ['aa', '', '']],
    ['', 'x', ['', '', '']],
    ['x🦜y', 'x🦆y', ['x', '🦜', 'y']],
  ]
  for (const [text, other, [before, changed, after]] of cases)
    t.same(difference(text, other), { before, changed, after }, `${text} against ${other}`)
})

t.test('a smoothed curve keeps its ends and evens out what jumps', async t => {
  const points = Array.from({ length: 48 }, (_, step) => ({
    step,
    loss: step % 2,
    learningRate: 0,
    gradientNorm: 0,
  }))
  const curve = smoothed(points)
  t.equal(curve.length, 48)
  t.equal(curve[0]?.loss, 0)
  t.equal(curve.at(-1)?.loss, 1)
  t.ok(curve.slice(2, -2).every(({ loss }) => loss >= 0.4 && loss <= 0.6))
  t.same(smoothed([]), [])
})
