import t from 'tap'
import { unfinishedError } from '../../../../cli/src/stage/stopped-or-failed.ts'

const stopped = { kind: 'stopped', stage: 'train', step: undefined } as const

t.test('a checkpoint is promised only where one was saved', t => {
  t.equal(
    unfinishedError({ ...stopped, step: 3 }, false).message,
    'stopped at step 3; run the same command to go on',
  )
  const unsure = [
    unfinishedError(stopped, false),
    unfinishedError({ ...stopped, step: 3, by: 'SIGHUP' }, false),
    unfinishedError({ ...stopped, step: 3 }, true),
  ]
  for (const { message } of unsure)
    t.match(message, /run the same command to go on from the last checkpoint, if there is one$/)
  t.match(unsure[1]?.message, /train was ended by SIGHUP before it could save/)
  t.end()
})
