/** What is known of the content of a dataset. */
import { note } from './say.ts'
import type { Note, Situation } from './situation.ts'

/** Of the volume that the contents lie on; undefined where it is not there, or about to go. */
export const claimUid = ({ claim }: Situation['observed']) =>
  claim && !claim.metadata.deletionTimestamp ? claim.metadata.uid : undefined

type Figures = { readonly examples?: number; readonly validationExamples?: number }
export const preparedNote = ({ examples = 0, validationExamples = 0 }: Figures): Note =>
  note('Prepared', `${examples} examples to train on, ${validationExamples} held out`)
