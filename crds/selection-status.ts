/** What status says of a model that was chosen from the catalogue. */
import { object, optional, Type } from './schema.ts'
import { count, mapOf, text } from './status-fields.ts'

const LISTED_MAX = 10

const Source = object(
  {
    uri: text(2048, 'Where it is.'),
    credentialsSecret: optional(
      object(
        { name: text(253, 'Name of the Secret.') },
        { description: 'Secret of this namespace.' },
      ),
    ),
  },
  {
    description:
      '`spec.source` of the BaseModel when it was chosen, at the commit in its `status.revision`.',
  },
)

export const PinnedModel = object(
  { baseModel: text(253, 'Name of the BaseModel.'), source: Source },
  { description: 'The model that the run keeps, where spec.model names no source.' },
)

const Candidate = object(
  {
    name: text(253, 'Name of the BaseModel.'),
    score: Type.Number({ description: 'Weighted sum of its criteria, 0 to 1.' }),
    criteria: mapOf<number>({ type: 'number' }, 'Scaled figure by criterion, 0 to 1.'),
  },
  { description: 'A BaseModel that fits.' },
)

const Rejected = object(
  {
    name: text(253, 'Name of the BaseModel.'),
    reasons: Type.Array(text(256, 'A requirement and the figure that misses it.'), {
      maxItems: 8,
      description: 'What it misses.',
      'x-kubernetes-list-type': 'atomic',
    }),
  },
  { description: 'A BaseModel that does not fit.' },
)

export const Selection = object(
  {
    baseModel: optional(text(253, 'The chosen BaseModel; absent while none fits.')),
    source: optional(Source),
    candidates: optional(
      Type.Array(Candidate, {
        maxItems: LISTED_MAX,
        description: 'Those that fit, the best first.',
        'x-kubernetes-list-type': 'atomic',
      }),
    ),
    moreCandidates: optional(count('Further ones that fit.')),
    rejected: optional(
      Type.Array(Rejected, {
        maxItems: LISTED_MAX,
        description: 'Those that do not fit, the nearest to it first.',
        'x-kubernetes-list-type': 'atomic',
      }),
    ),
    moreRejected: optional(count('Further ones that do not fit.')),
  },
  { description: 'How the model of the current run was chosen from the catalogue.' },
)
