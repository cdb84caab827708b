import type { Action, Category } from './phrasing.ts'

const hint = (scene: string, train: readonly string[], heldOut: readonly string[]): Action => ({
  command: () => ({ intent: 'scene.activate', scene }),
  train,
  heldOut,
})

export const scenes: Category = {
  name: 'scenes',
  actions: [
    {
      command: ({ scene }) => ({ intent: 'scene.activate', scene: scene! }),
      train: [
        'start the {scene} scene',
        'activate the {scene} scene',
        'switch to the {scene} scene',
        'set the scene to {scene}',
        'turn on {scene} mode',
        'go to {scene} mode',
        'put the house in {scene} mode',
        'start {scene} mode',
        'set the house to {scene}',
        'The {scene} scene, please.',
        'I want the {scene} scene.',
        "It's time for the {scene} scene.",
      ],
      heldOut: [
        'run the {scene} scene',
        'change to the {scene} scene',
        'bring up the {scene} scene',
        'have the house go to {scene} mode',
        "I'd like the {scene} scene now.",
        "Let's have the {scene} scene.",
        'The house should be in {scene} mode.',
      ],
    },
    hint(
      'movie night',
      ["We're going to watch a film.", 'The popcorn is ready and the film starts.', 'Movie time.'],
      ["We're about to watch a movie."],
    ),
    hint(
      'good night',
      ["I'm going to bed.", "It's bedtime.", 'I want to sleep now.'],
      ["We're going to sleep."],
    ),
    hint(
      'good morning',
      ['I just woke up.', "I'm getting up.", 'The day begins, I am awake.'],
      ["I'm awake now."],
    ),
    hint(
      'dinner',
      ['The food is on the table.', "We're about to eat.", 'Time to eat.'],
      ["Let's eat, the food is ready."],
    ),
    hint(
      'reading',
      ["I'm going to read my book.", 'I want to read for a while.', 'Time for my novel.'],
      ["I'd like to read a book."],
    ),
    hint(
      'party',
      [
        'The guests are here, time to dance.',
        "Let's celebrate.",
        'We have a birthday to celebrate.',
      ],
      ["Let's dance and celebrate."],
    ),
    hint(
      'away',
      ["We're leaving the house.", 'Everyone is out for the day.', "I'm off to work."],
      ["We're all leaving for the day."],
    ),
  ],
}
