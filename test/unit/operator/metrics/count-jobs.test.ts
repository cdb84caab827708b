import t from 'tap'
import { countJobs } from '../../../../operator/src/metrics/count-jobs.ts'

const job = (namespace: string, phase?: string) => ({
  metadata: { namespace },
  ...(phase ? { status: { phase } } : {}),
})

t.test('counts jobs by namespace and phase; without a phase they are pending', async t => {
  const jobs = [job('a'), job('a', 'Pending'), job('b', 'Training'), job('a', 'Training')]
  t.strictSame(countJobs(jobs), [
    { namespace: 'a', phase: 'Pending', count: 2 },
    { namespace: 'a', phase: 'Training', count: 1 },
    { namespace: 'b', phase: 'Training', count: 1 },
  ])
  t.strictSame(countJobs([]), [])
})
