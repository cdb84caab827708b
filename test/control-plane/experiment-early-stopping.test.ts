import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { experimentCluster, scored } from '../fixtures/operator/experiment-cluster.ts'

const REST = ['train', 'evaluate'] as const
const addressOf = (trial: number) => `127.0.0.${10 + trial}`

/** Trainers of all trials, each at an address of its own, at step 10 with that validation loss. */
const trainers = async (t: Test, losses: readonly number[]): Promise<number> => {
  const server = createServer(({ socket }, response) => {
    const trial = losses.findIndex((_, i) => addressOf(i + 1) === socket.localAddress)
    const training = {
      ...{ step: 10, totalSteps: 40, epoch: 0.25, loss: 1, learningRate: 0.001, seconds: 9 },
      ...{ gradientNorm: 1, tokensPerSecond: 400, microBatchSeconds: 2, etaSeconds: 30.4 },
      validationLoss: losses[trial],
    }
    response.end(JSON.stringify({ stage: 'train', activity: 'a', fraction: 0.25, training }))
  })
  await new Promise<void>(resolve => server.listen(0, '0.0.0.0', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

t.test('a trial without hope is stopped, and is a result', async t => {
  const trainerPort = await trainers(t, [1, 1.2, 2, 0.9])
  const cluster = await experimentCluster(t)
  await cluster.operator({ trainerPort })
  await cluster.submit({
    template: { ...cluster.template, evaluation: { everySteps: 10 } },
    parameters: [{ path: 'training.seed', values: [1, 2, 3, 4] }],
    strategy: { type: 'Grid' },
    earlyStopping: { minTrials: 2 },
    publish: 'None',
  })
  /** The trial has told of its validation loss, and the experiment has kept it. */
  const trains = async (trial: number) => {
    await cluster.kubeletOf(trial).succeeds(1, 'prepare')
    await cluster.kubeletOf(trial).starts(1, 'train', addressOf(trial))
    const { status } = await cluster.until(
      experiment => experiment.status?.trials?.at(trial - 1)?.validations?.length === 1,
      `no validation loss of trial ${trial} is kept`,
    )
    return status?.trials?.at(trial - 1)
  }
  for (const trial of [1, 2]) {
    await trains(trial)
    await cluster.runs(trial, 1, REST, { evaluate: scored(0.5) })
  }

  await t.test('it is suspended, and its row says why', async t => {
    await cluster.kubeletOf(3).succeeds(1, 'prepare')
    await cluster.kubeletOf(3).starts(1, 'train', addressOf(3))
    const { status } = await cluster.until(
      experiment => experiment.status?.counts?.stopped === 1,
      'no trial is stopped',
    )
    t.match(status?.trials?.[2], {
      phase: 'Stopped',
      message: 'step 10: lowest validation loss 2.000 is above 1.100, the median of 2 trials',
      validations: [{ step: 10, loss: 2 }],
    })
    const job = await cluster.untilJob(3, each => each.status?.phase === 'Suspended')
    t.equal(job.spec?.suspend, true)
    t.match(job.metadata.annotations?.['attune.dev/stopped'], /median of 2 trials/)
    await cluster.told('TrialStopped', /search-trial-3 is given up: step 10/)
  })

  await t.test('a better one takes its place and trains to its end', async t => {
    t.match(await trains(4), { phase: 'Running', validations: [{ loss: 0.9 }] })
    await cluster.runs(4, 1, REST, { evaluate: scored(0.7) })
    const { status } = await cluster.until(
      experiment => experiment.status?.phase === 'Succeeded',
      'it has not succeeded',
    )
    t.match(status?.counts, { total: 4, succeeded: 3, stopped: 1, failed: 0 })
    t.match(status?.best, { trial: 4, score: 0.7 })
  })

  await t.test('kubectl shows whole seconds of training left', async t => {
    const shown = await cluster.kubectl('get', 'itj', 'search-trial-3', '-o', 'wide')
    t.match(shown, /\s30\s+1\s/)
    t.notMatch(shown, '30.4')
  })
})
