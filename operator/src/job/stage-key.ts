/** The content address of a stage's inputs, from the digests of the stages before it. */
import type { RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import type { ResolvedSpec } from '@attune/crds/resolved-spec.ts'
import type { Stage } from '@attune/crds/stage.ts'
import { evaluateKey, prepareKey, publishKey, trainKey } from '@attune/crds/stage-keys.ts'
import { stageOf } from './run.ts'

export const stageKey = (spec: ResolvedSpec, run: RunStatus, stage: Stage): string => {
  const digest = (name: Stage) => stageOf(run, name).digest ?? ''
  switch (stage) {
    case 'prepare':
      return prepareKey(spec)
    case 'train':
      return trainKey(spec, digest('prepare'))
    case 'evaluate':
      return evaluateKey(spec, digest('train'))
    case 'publish':
      return publishKey(spec, digest('evaluate'), run.number)
  }
}
