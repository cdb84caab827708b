/** As process 1 a trainer that was told to end while it started went on to the end of its grace period. */
import { STAGES } from '@attune/crds/stage.ts'
import t from 'tap'
import { stageJob } from '../../../../operator/src/job/objects/stage-job.ts'
import { wasInterrupted } from '../../../../operator/src/job/stage-failure.ts'
import { aJob, aPod, CONFIG, ended } from '../../../fixtures/operator/tuning-job.ts'

const SIGTERM_EXIT = 143

for (const stage of STAGES)
  t.test(`${stage} is not process 1, and its end by SIGTERM costs no retry`, async t => {
    const { spec } = stageJob({
      job: aJob(),
      run: 1,
      stage,
      gracePeriodSeconds: 60,
      retries: 0,
      memoryKills: 0,
      config: CONFIG,
    }) as unknown as {
      spec: {
        template: { spec: { shareProcessNamespace?: boolean } }
        podFailurePolicy: {
          rules: { action: string; onExitCodes?: { values: readonly number[] } }[]
        }
      }
    }
    t.equal(spec.template.spec.shareProcessNamespace, true)
    const rule = spec.podFailurePolicy.rules.find(({ onExitCodes }) =>
      onExitCodes?.values.includes(SIGTERM_EXIT),
    )
    t.equal(rule?.action, 'Ignore')
    t.ok(wasInterrupted(aPod(1, stage, ended(SIGTERM_EXIT))))
    t.notOk(wasInterrupted(aPod(1, stage, ended(1))))
  })
