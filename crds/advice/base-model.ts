/** Reasons of a BaseModel that jobs cannot take, or of which that is not known. */
import type { BaseModelReason } from '../base-model-conditions.ts'
import type { Advice } from './advice.ts'

type Trouble = Exclude<BaseModelReason, 'Verified'>

const NOT_TAKEN = 'Lets no job take it; a run that has it already goes on with it.'

export const BASE_MODEL_TROUBLES: Readonly<Record<Trouble, Advice>> = {
  NotVerifiable: {
    operator: 'Lets jobs take it; their Prepare finds what is wrong with it.',
    you: 'Nothing; tune a small job on it to be sure.',
  },
  SourceForbidden: {
    operator: 'Lets jobs take it: their own `credentialsSecret` may open it.',
    you: 'See that the repository exists and that tenants have a Secret for it.',
  },
  SourceUnreachable: {
    operator: 'Asks again with growing pauses; lets jobs take it meanwhile.',
    you: 'Where it stays so, see whether the operator may reach the hub.',
  },
  SourceNotFound: {
    operator: NOT_TAKEN,
    you: 'Correct repository, revision or file in `spec.source.uri`.',
  },
  ModelUnsupported: {
    operator: NOT_TAKEN,
    you: 'Take it out of the catalogue, or name a model of a supported architecture.',
  },
  ModelMalformed: {
    operator: NOT_TAKEN,
    you: 'Mend the config.json of the repository, or name a revision that has a sound one.',
  },
  ArchitectureDiffers: {
    operator: NOT_TAKEN,
    you: 'Give `spec.architecture` the value that the message names.',
  },
  InvalidSpec: {
    operator: NOT_TAKEN,
    you: 'Edit the field that the message names.',
  },
}
