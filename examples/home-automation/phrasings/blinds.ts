import type { Category, Command, Slots } from './phrasing.ts'

const position =
  (value: string) =>
  ({ place, room }: Slots): Command => ({
    intent: 'blinds.set',
    room: (place ?? room)!,
    position: value,
  })

export const blinds: Category = {
  name: 'blinds',
  actions: [
    {
      command: position('open'),
      train: [
        'open the blinds in the {place}',
        'open the {room} blinds',
        'pull up the blinds in the {room}',
        'raise the {room} blinds',
        'let some sun into the {room}',
        'put the {room} blinds up',
        'roll up the {room} blinds',
        'let the daylight into the {place}',
        'Blinds up in the {place}.',
        "I'd like to look outside from the {room}.",
        "I'm in the {room}. Open the blinds.",
        'I want to see the garden from the {room}.',
      ],
      heldOut: [
        'let the sunshine into the {room}',
        'get the {room} blinds up',
        'have the blinds in the {place} opened',
        'I want the {room} blinds open.',
        "I'd love to see the sky from the {room}.",
      ],
    },
    {
      command: position('closed'),
      train: [
        'close the blinds in the {place}',
        'close the {room} blinds',
        'pull down the blinds in the {room}',
        'lower the {room} blinds',
        'shut the blinds in the {place}',
        'put the {room} blinds down',
        'roll down the {room} blinds',
        'Blinds down in the {place}.',
        'The neighbours can see into the {room}.',
        'The sun is blinding me in the {room}.',
        "I'm in the {room}. Close the blinds.",
        'I want some privacy in the {room}.',
      ],
      heldOut: [
        'let down the {room} blinds',
        'get the blinds in the {place} down',
        'have the {room} blinds closed',
        'People can look into the {room}.',
        'I want the {room} blinds shut.',
      ],
    },
    {
      command: position('half'),
      train: [
        'open the {room} blinds halfway',
        'put the blinds in the {place} at half',
        'lower the {room} blinds halfway',
        'set the {room} blinds to half',
        'close the {room} blinds halfway',
        'bring the {room} blinds to the middle',
        'pull the blinds in the {room} half down',
        'Blinds half down in the {place}.',
        "I'm in the {room}. Blinds to the middle.",
        'Half open blinds in the {room}, please.',
      ],
      heldOut: [
        'move the {room} blinds to half',
        'stop the {room} blinds in the middle',
        'I want the {room} blinds half open.',
        'The blinds in the {place} should be halfway.',
      ],
    },
  ],
}
