import t from 'tap'
import { decide } from '../../operator/src/dataset/decide.ts'
import type { InstructionDataset } from '../../operator/src/dataset/kinds.ts'
import type { Observed } from '../../operator/src/dataset/situation.ts'
import { verdicts } from '../fixtures/gitops/verdicts.ts'
import {
  aCurateJob,
  aCuratePod,
  aCurateResult,
  aDataset,
  DATASET_CLAIM,
  observedDataset,
} from '../fixtures/operator/a-dataset.ts'
import { COMPLETE, CONFIG, ended, failedBecause, NOW } from '../fixtures/operator/tuning-job.ts'

const dataset = aDataset()
const at = (
  conditions: Parameters<typeof aCurateJob>[1],
  pod?: Parameters<typeof aCuratePod>[1],
) => {
  const job = aCurateJob(dataset, conditions)
  const pods = pod ? [aCuratePod(job, pod)] : []
  return { ...observedDataset(dataset), claim: DATASET_CLAIM, curateJobs: [job], pods }
}
const decided = (observed: Observed): InstructionDataset => {
  const { status } = decide(observed, NOW, CONFIG)
  return aDataset(status ? { status } : {})
}
const bad = aCurateResult({ outcome: 'Failed', reason: 'DatasetMalformed', message: 'line 7' })

t.test('Flux and Argo CD see of a dataset what it is', async t => {
  const ready = decided(at([COMPLETE], ended(0, aCurateResult())))
  const cases: Readonly<Record<string, readonly [InstructionDataset, string, string]>> = {
    'that no operator has seen': [aDataset(), 'InProgress', 'Progressing'],
    'that is being read': [decided(observedDataset(dataset)), 'InProgress', 'Progressing'],
    'that is ready': [ready, 'Current', 'Healthy'],
    'that was edited since': [
      aDataset({ generation: 2, ...(ready.status ? { status: ready.status } : {}) }),
      'InProgress',
      'Progressing',
    ],
    'that failed': [
      decided(at([failedBecause('PodFailurePolicy')], ended(65, bad))),
      'Failed',
      'Degraded',
    ],
  }
  const found = await verdicts(Object.values(cases).map(([object]) => object))
  for (const [i, [name, [, flux, argo]]] of Object.entries(cases).entries()) {
    const { kstatus, health } = found[i] ?? {}
    t.strictSame([kstatus?.status, health?.status], [flux, argo], `a dataset ${name}`)
  }
})
