/** `InstructionDataset.spec`: the dataset of a job, and what its one stage needs to run. */
import { defaulted, object, oneOf, optional, type Static, Type } from './schema.ts'
import { volumeSize } from './spec/common.ts'
import { datasetFields, datasetSources } from './spec/dataset.ts'
import { PodTemplate } from './spec/pod-template.ts'
import { Compute } from './spec/pods.ts'
import { Retry } from './spec/retry.ts'

export const InstructionDatasetSpecSchema = object(
  {
    sources: datasetSources,
    ...datasetFields,
    volume: defaulted(
      {
        size: volumeSize('Size of the volume.', '5Gi'),
        storageClassName: optional(
          Type.String({ maxLength: 253, description: "StorageClass; default is the cluster's." }),
        ),
        accessMode: optional(
          oneOf(['ReadWriteOnce', 'ReadWriteMany'], {
            default: 'ReadWriteOnce',
            description:
              'With `ReadWriteOnce`, jobs on other nodes wait for each other while they read it.',
          }),
        ),
      },
      { description: 'The volume that holds the curated examples.' },
    ),
    resources: defaulted(
      {
        requests: Compute(
          'Requested by the pod; memory that is not given is requested as limited.',
          {
            cpu: '1',
          },
        ),
        limits: Compute('Limits of the pod.', { memory: '2Gi' }),
      },
      { description: "The pod's resources." },
    ),
    podTemplate: PodTemplate,
    retry: Retry,
  },
  { description: 'Which examples, and how they are read.' },
)

/** Spec as a tenant writes it: defaults may be absent. */
export type InstructionDatasetSpec = Static<typeof InstructionDatasetSpecSchema>
