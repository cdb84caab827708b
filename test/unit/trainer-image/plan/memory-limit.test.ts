import { memoryLimit } from '@attune/trainer/plan/memory-limit.ts'
import t from 'tap'

const MACHINE = 64e9
const V1_NONE = '9223372036854771712\n'

type Files = NonNullable<Parameters<typeof t.testdir>[0]>
const cgroup = (lines: string, sys: Files): Files => ({
  proc: { self: { cgroup: lines } },
  sys: { fs: { cgroup: sys } },
})

const CASES: Readonly<Record<string, { files: Files; limit: number }>> = {
  'version 2, a container with a group namespace': {
    files: cgroup('0::/\n', { 'memory.max': '2147483648\n' }),
    limit: 2 ** 31,
  },
  'version 2, no limit': {
    files: cgroup('0::/\n', { 'memory.max': 'max\n' }),
    limit: MACHINE,
  },
  'version 2, the limit of a group around it is less': {
    files: cgroup('0::/pod/container\n', {
      pod: { 'memory.max': '1000000\n', container: { 'memory.max': '2000000\n' } },
    }),
    limit: 1_000_000,
  },
  'version 2, named as the host names it and mounted as the container sees it': {
    files: cgroup('0::/kubepods/pod1/abc\n', { 'memory.max': '3000000\n' }),
    limit: 3_000_000,
  },
  'version 1': {
    files: cgroup('9:cpu,cpuacct:/a\n4:memory:/a\n0::/a\n', {
      memory: { 'memory.limit_in_bytes': V1_NONE, a: { 'memory.limit_in_bytes': '5000000\n' } },
    }),
    limit: 5_000_000,
  },
  'version 1, no limit': {
    files: cgroup('4:memory:/\n', { memory: { 'memory.limit_in_bytes': V1_NONE } }),
    limit: MACHINE,
  },
  'no groups at all': { files: {}, limit: MACHINE },
  'more than the machine has': {
    files: cgroup('0::/\n', { 'memory.max': '99000000000\n' }),
    limit: MACHINE,
  },
}

for (const [name, { files, limit }] of Object.entries(CASES))
  t.test(name, async t => {
    t.equal(memoryLimit(t.testdir(files), MACHINE), limit)
  })
