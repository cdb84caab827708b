import type { InstructionTuningJobSpec } from '@attune/crds/instruction-tuning-job-spec.ts'
import { PERMANENT_EXIT_CODES, type Stage } from '@attune/crds/stage.ts'
import { POD_TEMPLATE_FIELDS } from '@attune/crds/pod-template-fields.ts'
import t from 'tap'
import type { JobConfig } from '../../../../operator/src/job/job-config.ts'
import { configMap } from '../../../../operator/src/job/objects/config-map.ts'
import { stageJob } from '../../../../operator/src/job/objects/stage-job.ts'
import { workspace } from '../../../../operator/src/job/objects/workspace.ts'
import type { PodTemplate } from '../../../../operator/src/pods/pod-template.ts'
import { aJob, CONFIG } from '../../../fixtures/operator/tuning-job.ts'

type PodSpec = {
  readonly containers: readonly Readonly<Record<string, unknown>>[]
  readonly volumes: readonly { readonly name: string }[]
  readonly [field: string]: unknown
}
const OWNER = [
  {
    apiVersion: 'attune.dev/v1alpha1',
    kind: 'InstructionTuningJob',
    name: 'home',
    uid: 'job-uid',
    controller: true,
    blockOwnerDeletion: true,
  },
]
const LABELS = {
  'app.kubernetes.io/name': 'attune',
  'app.kubernetes.io/part-of': 'attune',
  'app.kubernetes.io/managed-by': 'attune-operator',
  'attune.dev/job': 'home',
}

const made = (
  stage: Stage,
  spec: Partial<InstructionTuningJobSpec> = {},
  config: Partial<JobConfig> = {},
  earlier: { readonly retries: number; readonly memoryKills: number } = {
    retries: 0,
    memoryKills: 0,
  },
) => {
  const manifest = stageJob({
    job: aJob({ spec }),
    run: 2,
    stage,
    gracePeriodSeconds: 60,
    config: { ...CONFIG, ...config },
    ...earlier,
  }) as unknown as {
    metadata: object
    spec: { template: { metadata: object; spec: PodSpec } } & Record<string, unknown>
  }
  const pod = manifest.spec.template.spec
  const container = pod.containers[0] as Readonly<Record<string, unknown>>
  const mounts = container['volumeMounts'] as readonly {
    name: string
    mountPath: string
    readOnly?: boolean
  }[]
  const claims = mounts
    .filter(({ mountPath }) => mountPath.startsWith('/mnt/'))
    .map(({ mountPath, readOnly }) => `${mountPath}${readOnly ? ' ro' : ''}`)
  return { manifest, pod, container, mounts, claims }
}

t.test('workspace', async t => {
  t.strictSame(workspace(aJob({ spec: { workspace: { size: '5Gi' } } })), {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: 'home-workspace',
      namespace: 'team-a',
      labels: { ...LABELS, 'app.kubernetes.io/component': 'job' },
      ownerReferences: OWNER,
    },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '5Gi' } } },
  })
  const fast = workspace(aJob({ spec: { workspace: { storageClassName: 'fast' } } }))
  t.match(fast, { spec: { storageClassName: 'fast' } })
})

t.test('job file', async t => {
  const job = aJob()
  const { data, ...manifest } = configMap(job, 2) as unknown as { data: { 'job.json': string } }
  t.strictSame(manifest, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: 'home-2',
      namespace: 'team-a',
      labels: { ...LABELS, 'app.kubernetes.io/component': 'job', 'attune.dev/run': '2' },
      ownerReferences: OWNER,
    },
    immutable: true,
  })
  t.strictSame(JSON.parse(data['job.json']), {
    apiVersion: 'attune.dev/v1alpha1',
    name: 'home',
    namespace: 'team-a',
    run: 2,
    spec: job.spec,
  })
})

t.test('Job of a stage', async t => {
  const { manifest } = made('train', { retry: { limit: 5, deadlineSeconds: 600 } })
  const labels = {
    ...LABELS,
    'app.kubernetes.io/component': 'train',
    'attune.dev/run': '2',
    'attune.dev/stage': 'train',
  }
  t.strictSame(manifest.metadata, {
    name: 'home-2-train',
    namespace: 'team-a',
    labels,
    ownerReferences: OWNER,
  })
  const { template, ...spec } = manifest.spec
  t.strictSame(spec, {
    completions: 1,
    parallelism: 1,
    backoffLimit: 5,
    activeDeadlineSeconds: 600,
    podReplacementPolicy: 'Failed',
    podFailurePolicy: {
      rules: [
        { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
        {
          action: 'Ignore',
          onExitCodes: { containerName: 'trainer', operator: 'In', values: [75, 143] },
        },
        {
          action: 'FailJob',
          onExitCodes: { containerName: 'trainer', operator: 'In', values: PERMANENT_EXIT_CODES },
        },
        {
          action: 'FailJob',
          onExitCodes: { containerName: 'trainer', operator: 'In', values: [79, 137] },
        },
      ],
    },
  })
  t.strictSame(template.metadata, { labels, annotations: { 'attune.dev/job-uid': 'job-uid' } })
})

t.test('only Train ends with a kill: the pod of another stage would be made the same again', t => {
  for (const stage of ['prepare', 'evaluate', 'publish'] as const)
    t.notMatch(JSON.stringify(made(stage).manifest.spec['podFailurePolicy']), /137|79/, stage)
  t.end()
})

t.test('Job of a Train stage that was killed before', async t => {
  const spec = { retry: { limit: 3 } }
  const { manifest, container } = made('train', spec, {}, { retries: 2, memoryKills: 1 })
  t.match(manifest.metadata, { annotations: { 'attune.dev/retries': '2' } })
  t.equal(manifest.spec['backoffLimit'], 1, 'what is left of retry.limit')
  t.strictSame((container['args'] as string[]).slice(-2), ['--micro-batch-halvings', '1'])
  const lowered = made('train', { retry: { limit: 1 } }, {}, { retries: 2, memoryKills: 0 })
  t.equal(lowered.manifest.spec['backoffLimit'], 0)
  t.notOk((lowered.container['args'] as string[]).includes('--micro-batch-halvings'))
})

t.test('pod of a stage', async t => {
  const { pod, container, mounts } = made('train')
  await t.test('keeps to the restricted profile', async t => {
    t.match(pod, {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 60,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 1000,
        runAsGroup: 1000,
        fsGroup: 1000,
        seccompProfile: { type: 'RuntimeDefault' },
      },
    })
    t.strictSame(container['securityContext'], {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
  })
  await t.test('runs the stage on the job file and the workspace', async t => {
    t.match(container, {
      name: 'trainer',
      image: 'attune/trainer:test',
      args: [
        ...['train', '--job', '/etc/attune/job.json', '--workspace', '/workspace'],
        ...['--port', '8080'],
      ],
      terminationMessagePath: '/dev/termination-log',
      ports: [{ name: 'http', containerPort: 8080 }],
    })
    t.strictSame(mounts, [
      { name: 'workspace', mountPath: '/workspace' },
      { name: 'job', mountPath: '/etc/attune', readOnly: true },
      { name: 'tmp', mountPath: '/tmp' },
    ])
    t.strictSame(pod.volumes, [
      { name: 'workspace', persistentVolumeClaim: { claimName: 'home-workspace' } },
      { name: 'job', configMap: { name: 'home-2' } },
      { name: 'tmp', emptyDir: {} },
    ])
  })
})

t.test('each stage mounts only the claims that it needs', async t => {
  const spec = {
    model: { source: { uri: 'pvc://models/base' } },
    dataset: {
      sources: [{ uri: 'pvc://datasets/a.jsonl' }, { uri: 'pvc://datasets/b.jsonl' }],
      validation: { sources: [{ uri: 'pvc://held-out/v.jsonl' }] },
    },
    output: { uri: 'pvc://models/out' },
  }
  t.strictSame(made('prepare', spec).claims, [
    '/mnt/pvc/models ro',
    '/mnt/pvc/datasets ro',
    '/mnt/pvc/held-out ro',
  ])
  t.strictSame(made('train', spec).claims, [])
  t.strictSame(made('evaluate', spec).claims, [])
  t.strictSame(made('publish', spec).claims, ['/mnt/pvc/models'])
})

t.test('only Prepare gets the token, and fails to start without it', async t => {
  const spec = {
    model: { source: { uri: 'hf://owner/model', credentialsSecret: { name: 'hf' } } },
  }
  const secretKeyRef = { name: 'hf', key: 'token', optional: false }
  const token = { name: 'HF_TOKEN', valueFrom: { secretKeyRef } }
  t.match(made('prepare', spec).container['env'], [{ name: 'HOME' }, token])
  for (const stage of ['train', 'evaluate', 'publish'] as const)
    t.strictSame(made(stage, spec).container['env'], [{ name: 'HOME', value: '/tmp' }], stage)
})

t.test('only Prepare is told of another hub', async t => {
  const home = { name: 'HOME', value: '/tmp' }
  const config = { hubEndpoint: 'https://hub.example.org' }
  t.strictSame(made('prepare', {}, config).container['env'], [
    home,
    { name: 'HF_ENDPOINT', value: 'https://hub.example.org' },
  ])
  t.strictSame(made('prepare').container['env'], [home])
  for (const stage of ['train', 'evaluate', 'publish'] as const)
    t.strictSame(made(stage, {}, config).container['env'], [home], stage)
})

t.test('only Prepare goes through a proxy, and not where a tenant says', async t => {
  const home = { name: 'HOME', value: '/tmp' }
  const url = 'http://proxy.example.org:3128'
  const config = { proxy: { url, noProxy: '.svc' } }
  const variables = [
    home,
    { name: 'NODE_USE_ENV_PROXY', value: '1' },
    { name: 'HTTP_PROXY', value: url },
    { name: 'HTTPS_PROXY', value: url },
    { name: 'NO_PROXY', value: '.svc' },
  ]
  const env = [{ name: 'https_proxy', value: 'http://elsewhere:3128' }]
  t.strictSame(made('prepare', { podTemplate: { env } }, config).container['env'], variables)
  for (const stage of ['train', 'evaluate', 'publish'] as const)
    t.strictSame(made(stage, {}, config).container['env'], [home], stage)
})

t.test('only Train and Evaluate get the accelerator, and go where it is', async t => {
  const spec = {
    resources: {
      accelerator: {
        resource: 'nvidia.com/gpu',
        count: 2,
        nodeSelector: { gpu: 'h100' },
        tolerations: [{ key: 'gpu', operator: 'Exists' as const }],
      },
      requests: { cpu: '2', memory: '8Gi' },
      limits: { memory: '8Gi' },
    },
    podTemplate: {
      nodeSelector: { zone: 'a' },
      tolerations: [{ key: 'spot', operator: 'Exists' as const }],
    },
  }
  const gpu = { 'nvidia.com/gpu': 2 }
  for (const stage of ['train', 'evaluate'] as const) {
    const { pod, container } = made(stage, spec)
    t.strictSame(container['resources'], {
      requests: { cpu: '2', memory: '8Gi', ...gpu },
      limits: { memory: '8Gi', ...gpu },
    })
    t.strictSame(pod['nodeSelector'], { zone: 'a', gpu: 'h100' }, stage)
    t.equal((pod['tolerations'] as []).length, 2, stage)
  }
  for (const stage of ['prepare', 'publish'] as const) {
    const { pod, container } = made(stage, spec)
    t.strictSame(container['resources'], {
      requests: { cpu: '2', memory: '8Gi' },
      limits: { memory: '8Gi' },
    })
    t.strictSame(pod['nodeSelector'], { zone: 'a' }, stage)
    t.equal((pod['tolerations'] as []).length, 1, stage)
  }
})

const POD_TEMPLATE = {
  labels: { team: 'a' },
  annotations: { note: 'x' },
  nodeSelector: { zone: 'a' },
  tolerations: [{ key: 'spot', operator: 'Exists' }],
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'gpu', operator: 'Exists' }] }],
      },
    },
  },
  topologySpreadConstraints: [
    { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway' },
  ],
  imagePullSecrets: [{ name: 'pull' }],
  runtimeClassName: 'gvisor',
  priorityClassName: 'low',
  serviceAccountName: 'team-a',
  env: [{ name: 'TENANT_TEAM', value: 'a' }],
} as const

t.test('every field of the pod template is on every stage', async t => {
  const { labels, annotations, env, ...onPod } = POD_TEMPLATE
  t.strictSame(Object.keys(POD_TEMPLATE).toSorted(), [...POD_TEMPLATE_FIELDS].toSorted())
  const podTemplate = structuredClone(POD_TEMPLATE) as unknown as PodTemplate
  for (const stage of ['prepare', 'train', 'evaluate', 'publish'] as const) {
    const { manifest, pod, container } = made(stage, { podTemplate })
    t.match(manifest.spec.template.metadata, { labels, annotations }, stage)
    t.match(pod, onPod, stage)
    t.match(container['env'], env, stage)
  }
})

t.test('the pod template takes nothing away that is ours', async t => {
  const podTemplate: PodTemplate = {
    labels: {
      team: 'a',
      'attune.dev/job': 'somebody-else',
      'attune.dev/more': 'x',
      'kueue.x-k8s.io/queue-name': 'x',
      'app.kubernetes.io/managed-by': 'somebody-else',
    },
    annotations: {
      note: 'x',
      'attune.dev/job-uid': 'somebody-else',
      'container.apparmor.security.beta.kubernetes.io/trainer': 'unconfined',
    },
    serviceAccountName: 'team-a',
    env: [
      { name: 'HOME', value: '/elsewhere' },
      { name: 'HF_TOKEN', value: 'x' },
      { name: 'NODE_OPTIONS', value: '--require=/x.js' },
      { name: 'LD_PRELOAD', value: '/x.so' },
      { name: 'ATTUNE_JOB', value: '/x.json' },
      { name: 'NODE_USE_ENV_PROXY', value: '1' },
      { name: 'NODE_TLS_REJECT_UNAUTHORIZED', value: '0' },
      { name: 'HTTPS_PROXY', value: 'http://proxy:3128' },
      { name: 'TENANT_A', value: 'b' },
    ],
  }
  const plain = made('train')
  const { manifest, pod, container } = made('train', { podTemplate })
  const own = plain.manifest.spec.template.metadata as { labels: object; annotations: object }
  t.strictSame(manifest.spec.template.metadata, {
    labels: { team: 'a', ...own.labels },
    annotations: { note: 'x', ...own.annotations },
  })
  t.strictSame(container['env'], [
    { name: 'TENANT_A', value: 'b' },
    { name: 'HOME', value: '/tmp' },
  ])
  const { serviceAccountName, containers, ...rest } = pod
  const { containers: _, ...before } = plain.pod
  t.equal(serviceAccountName, 'team-a')
  t.strictSame(rest, before, 'no token, no other user, no other profile')
  t.strictSame({ ...containers[0], env: [] }, { ...plain.container, env: [] })
})
