import t from 'tap'
import { createProgram } from '../../../../cli/src/program.ts'

t.test('help shows no value of a program', async t => {
  for (const command of createProgram().commands) {
    const help = command.helpInformation()
    t.notMatch(help, /\{\}|undefined|\[object/, command.name())
  }
})
