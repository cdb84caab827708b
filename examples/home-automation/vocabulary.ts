/** What can be named in a request. Training and held-out requests share these words; only the phrasing is new. */

const ROOMS = [
  'kitchen',
  'living room',
  'bedroom',
  'bathroom',
  'hallway',
  'study',
  'dining room',
  'nursery',
  'attic',
] as const

export type Word = { readonly said: string; readonly value: string | number }
const words = (values: readonly (string | number)[]): readonly Word[] =>
  values.map(value => ({ said: String(value), value }))

/** By the word in braces. A `place` is a room or all of them. */
export const VOCABULARY: Readonly<Record<string, readonly Word[]>> = {
  room: words(ROOMS),
  place: [...words(ROOMS), { said: 'whole house', value: 'house' }],
  brightness: words([10, 20, 30, 40, 50, 60, 70, 80, 90]),
  temperature: words([16, 17, 18, 19, 20, 21, 22, 23, 24, 25]),
  door: words([
    'front door',
    'back door',
    'garage door',
    'garden gate',
    'cellar door',
    'balcony door',
  ]),
  scene: words([
    'movie night',
    'good morning',
    'good night',
    'dinner',
    'reading',
    'party',
    'away',
    'focus',
  ]),
  minutes: words([2, 3, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 45, 60, 90]),
  label: words(['pasta', 'tea', 'pizza', 'laundry', 'bread', 'rice', 'cake', 'soup']),
}

/** `{ask}` is a request in lower case. */
export const POLITE_FORMS = {
  train: [
    '{ask}.',
    '{ask}.',
    '{ask}',
    '{ask}, please.',
    'please {ask}.',
    'could you {ask}?',
    'can you {ask}, please?',
    'would you {ask}?',
    'hey, {ask}.',
    "I'd like you to {ask}.",
    '{ask}, thanks.',
    'go ahead and {ask}.',
  ],
  heldOut: [
    '{ask}.',
    '{ask} now.',
    'would you be so kind as to {ask}?',
    'do me a favour and {ask}.',
    'I need you to {ask}.',
    'may I ask you to {ask}?',
  ],
}

/** Sentences that come before a request and change nothing about it. */
export const CONTEXTS = {
  train: [
    "We're home.",
    'The kids are asleep.',
    'I just finished work.',
    'It was a long day.',
    'My parents are visiting.',
    "It's raining again.",
    'The dog is barking.',
    "I can't find my glasses.",
    'That was a good meal.',
    'The news is over.',
    "I'm on the phone.",
    'We have an hour left.',
    'Grandma called.',
    'The music is nice.',
  ],
  heldOut: [
    'What a week.',
    'The bus was late.',
    'Tomorrow is a holiday.',
    'My brother says hello.',
    "It's getting late.",
  ],
}
