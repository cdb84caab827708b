import t from 'tap'
import {
  configMapName,
  shortName,
  stageJobName,
  workspaceName,
} from '../../../../operator/src/job/names.ts'

t.test('short names are left as they are', async t => {
  t.equal(workspaceName('home'), 'home-workspace')
  t.equal(configMapName('home', 3), 'home-3')
  t.equal(stageJobName('home', 3, 'train'), 'home-3-train')
})

t.test('long names end within 63 characters and stay apart', async t => {
  const long = 'a'.repeat(62)
  const names = [`${long}b`, `${long}c`].map(name => stageJobName(name, 123, 'evaluate'))
  for (const name of names) {
    t.equal(name.length, 63)
    t.match(name, /^a+-[0-9a-f]{8}-123-evaluate$/)
  }
  t.not(names[0], names[1])
  t.equal(stageJobName(`${long}b`, 123, 'evaluate'), names[0], 'the same every time')
})

t.test('the cut leaves no double hyphen', async t => {
  const name = `${'a'.repeat(40)}-${'b'.repeat(22)}`
  for (let suffix = 1; suffix < 30; suffix += 1)
    t.notMatch(shortName(name, `-${'s'.repeat(suffix)}`), '--')
})
