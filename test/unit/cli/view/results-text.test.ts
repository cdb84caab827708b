import t from 'tap'
import { trainedText } from '../../../../cli/src/view/results-text.ts'

const training = {
  ...{ steps: 120, tokens: 1, tokensPerSecond: 1, finalLoss: 1, seconds: 1, microBatchSeconds: 1 },
}

t.test('a training is told of where it is not simply all its steps', async t => {
  t.equal(trainedText(undefined), undefined)
  t.equal(trainedText(training), undefined)
  t.equal(
    trainedText({ ...training, stoppedEarly: true, bestStep: 90 }),
    'stopped early at step 120; the adapter is of step 90, the best validation',
  )
  t.equal(
    trainedText({ ...training, bestStep: 90 }),
    'the adapter is of step 90, the best validation',
  )
})
