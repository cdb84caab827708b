import type { Category, Command, Slots } from './phrasing.ts'

const state =
  (value: string) =>
  ({ door }: Slots): Command => ({ intent: 'lock.set', door: door!, state: value })

export const locks: Category = {
  name: 'locks',
  actions: [
    {
      command: state('locked'),
      train: [
        'lock the {door}',
        'lock up the {door}',
        'make sure the {door} is locked',
        'secure the {door}',
        'bolt the {door}',
        'keep the {door} locked',
        "I'm going out, lock the {door} behind me.",
        'The {door} should be locked.',
        'I forgot to lock the {door}.',
        'Nobody should come in through the {door}.',
        "Don't leave the {door} unlocked.",
        "I don't feel safe, is the {door} locked?",
        'The {door} is still open, lock it.',
      ],
      heldOut: [
        'put the lock on the {door}',
        'see that the {door} is locked',
        'have the {door} locked',
        'I left without locking the {door}.',
        'No one should get in through the {door}.',
        'I want the {door} locked for the night.',
      ],
    },
    {
      command: state('unlocked'),
      train: [
        'unlock the {door}',
        'open the lock of the {door}',
        'let the guest in at the {door}',
        'take the lock off the {door}',
        'unbolt the {door}',
        'make sure the {door} is unlocked',
        'My hands are full, unlock the {door}.',
        'The plumber is at the {door}, let him in.',
        'The {door} should be unlocked.',
        "I'm standing at the {door} without my key.",
        "I forgot my key, I'm at the {door}.",
        'Someone is waiting at the {door}, let them in.',
        "Don't keep the {door} locked.",
      ],
      heldOut: [
        'get the {door} unlocked',
        'have the {door} unlocked',
        'see that the {door} is unlocked',
        'My sister is at the {door}, let her in.',
        "I have no key and I'm at the {door}.",
        'I want the {door} unlocked for the guests.',
      ],
    },
  ],
}
