/** `spec.resources`, and what pods of every kind share. */
import { defaulted, object, oneOf, optional, quantity, stringMap, Type } from '../schema.ts'
import { someMemory } from './common.ts'

const Toleration = object({
  key: optional(Type.String({ description: 'Key of the taint; absent: every key.' })),
  operator: optional(
    oneOf(['Exists', 'Equal'], { description: "Relation to the taint's value; absent: Equal." }),
  ),
  value: optional(Type.String({ description: 'Value of the taint.' })),
  effect: optional(
    oneOf(['NoSchedule', 'PreferNoSchedule', 'NoExecute'], {
      description: 'Effect of the taint; absent: every effect.',
    }),
  ),
  tolerationSeconds: optional(
    Type.Integer({ description: 'Seconds until a NoExecute taint evicts the pod.' }),
  ),
})
export const tolerations = optional(
  Type.Array(Toleration, {
    maxItems: 32,
    description: 'Taints that the pods tolerate.',
    'x-kubernetes-list-type': 'atomic',
  }),
)

export const Compute = (description: string, defaults?: Record<string, string>) =>
  defaulted(
    { cpu: optional(quantity('Cores.')), memory: optional(quantity('Bytes.')) },
    { description, ...(defaults ? { default: defaults } : {}) },
  )

/** Kubernetes' own names have no domain; a name is a qualified name of at most 63 characters. */
const DNS_NAME = '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*'
const EXTENDED_RESOURCE = `^${DNS_NAME}/[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`

export const Resources = defaulted(
  {
    accelerator: optional(
      object(
        {
          resource: optional(
            Type.String({
              default: 'nvidia.com/gpu',
              minLength: 1,
              maxLength: 253,
              pattern: EXTENDED_RESOURCE,
              description: 'Extended resource name: domain/name.',
            }),
          ),
          count: optional(
            Type.Integer({ minimum: 1, maximum: 16, default: 1, description: 'Devices per pod.' }),
          ),
          memory: someMemory(
            'Memory of one device. Where it computes, the plan is held to it: rows at once, recomputation, `status.plan.fits`; absent: unknown.',
            '80Gi',
          ),
          nodeSelector: stringMap('Node labels of the stages that use the accelerator.'),
          tolerations,
        },
        { description: 'Device of Train and Evaluate; absent: CPU.' },
      ),
    ),
    requests: Compute(
      'Requested by every stage; memory that is not given is requested as limited.',
      { cpu: '1' },
    ),
    limits: Compute('Limits of every stage.', { memory: '4Gi' }),
  },
  { description: "The pods' resources." },
)
