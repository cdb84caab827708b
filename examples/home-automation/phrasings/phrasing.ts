/** How one command is asked for. Words in braces are slots, filled from `vocabulary.ts`. */

export type Slots = Readonly<Record<string, string | number>>
/** Keys in the order in which they are written. */
export type Command = { readonly intent: string } & Readonly<Record<string, string | number>>

export type Action = {
  readonly command: (slots: Slots) => Command
  /**
   * Lower case: something asked for, which a polite form may be put around (`turn on …` → `could you turn on …?`).
   * Upper case: said as it stands.
   */
  readonly train: readonly string[]
  /** phrasings that the training data never has */
  readonly heldOut: readonly string[]
}

export type Category = { readonly name: string; readonly actions: readonly Action[] }
