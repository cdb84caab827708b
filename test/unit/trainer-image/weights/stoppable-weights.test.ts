import t from 'tap'
import { evaluate } from '../../../../trainer-image/src/stages/evaluate.ts'
import { train } from '../../../../trainer-image/src/stages/train.ts'
import { StageStopped } from '../../../../trainer-image/src/stage-error.ts'
import { runStage } from '../../../../trainer-image/src/run-stage.ts'
import { aStageContext } from '../../../fixtures/a-stage-context.ts'
import { writeTinyJob } from '../../../fixtures/tiny-job.ts'

t.test('a stop while the model is loaded ends the stage', async t => {
  const tiny = await writeTinyJob(t.testdir({}))
  const context = aStageContext(tiny)
  t.equal((await runStage('prepare', context)).exitCode, 0)
  const stopped = { ...context, signal: AbortSignal.abort() }
  await t.rejects(train(stopped), new StageStopped('stopped while loading the model'))
  t.equal((await runStage('train', context)).exitCode, 0)
  await t.rejects(evaluate(stopped), new StageStopped('stopped while loading the model'))
})
