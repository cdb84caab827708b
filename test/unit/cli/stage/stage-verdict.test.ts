import t from 'tap'
import type { StageEnd } from '../../../../cli/src/stage/stage-process.ts'
import { stageVerdict } from '../../../../cli/src/stage/stage-verdict.ts'
import type { StageResult } from '../../../../crds/stage.ts'

const end = (
  exitCode: number | null,
  result?: Partial<StageResult>,
  signal: NodeJS.Signals | null = null,
): StageEnd => ({
  ...{ exitCode, signal, seconds: 1 },
  result: result
    ? { stage: 'train', key: 'k', outcome: 'Succeeded', seconds: 1, ...result }
    : undefined,
})
const failure = { outcome: 'Failed', reason: 'DatasetMalformed', message: 'line 17' } as const

t.test('the end of a stage process', async t => {
  const cases: Readonly<Record<string, readonly [StageEnd, boolean, object]>> = {
    'is success with a result': [end(0, {}), false, { kind: 'succeeded' }],
    'is success though a stop was asked for': [end(0, {}), true, { kind: 'succeeded' }],
    'is a failure without a result': [end(0), false, { kind: 'failed', exitCode: 1 }],
    'is a stop by exit code': [end(75, { outcome: 'Stopped' }), true, { kind: 'stopped' }],
    'is a stop by a signal before it listens': [
      end(null, undefined, 'SIGTERM'),
      true,
      { kind: 'stopped', by: 'SIGTERM' },
    ],
    'is a failure with reason and code': [
      end(65, failure),
      false,
      { kind: 'failed', reason: 'DatasetMalformed', message: 'line 17', exitCode: 65 },
    ],
    'is a failure though the code says success': [
      end(0, failure),
      false,
      { kind: 'failed', reason: 'DatasetMalformed', exitCode: 1 },
    ],
    'is want of memory if something else killed it': [
      end(null, undefined, 'SIGKILL'),
      false,
      { kind: 'failed', reason: 'OutOfMemory', exitCode: 137 },
    ],
    'is a failure if it crashed': [
      end(null, undefined, 'SIGSEGV'),
      false,
      { kind: 'failed', reason: 'StageFailed', message: /SIGSEGV/, exitCode: 1 },
    ],
    'is a failure with a code alone': [
      end(64),
      false,
      { kind: 'failed', reason: 'StageFailed', message: /exit code 64/, exitCode: 64 },
    ],
  }
  for (const [name, [ended, asked, verdict]] of Object.entries(cases))
    t.match(stageVerdict('train', ended, asked), verdict, name)
})
