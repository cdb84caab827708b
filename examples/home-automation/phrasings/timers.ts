import type { Category } from './phrasing.ts'

export const timers: Category = {
  name: 'timers',
  actions: [
    {
      command: ({ minutes }) => ({ intent: 'timer.start', minutes: minutes! }),
      train: [
        'set a timer for {minutes} minutes',
        'start a {minutes} minute timer',
        'count down {minutes} minutes',
        'remind me in {minutes} minutes',
        'wake me in {minutes} minutes',
        'give me {minutes} minutes',
        'let me know in {minutes} minutes',
        'start a timer, {minutes} minutes',
        '{minutes} minutes on the clock.',
        'I need a timer, {minutes} minutes.',
        'Tell me when {minutes} minutes are over.',
      ],
      heldOut: [
        'put {minutes} minutes on the timer',
        'run a timer for {minutes} minutes',
        'call me in {minutes} minutes',
        'I want a timer of {minutes} minutes.',
      ],
    },
    {
      command: ({ minutes, label }) => ({
        intent: 'timer.start',
        minutes: minutes!,
        label: label!,
      }),
      train: [
        'set a {label} timer for {minutes} minutes',
        'set a timer for the {label}, {minutes} minutes',
        'time the {label} for {minutes} minutes',
        'remind me of the {label} in {minutes} minutes',
        'start a {minutes} minute timer for the {label}',
        'count down {minutes} minutes for the {label}',
        'tell me when the {label} is ready, in {minutes} minutes',
        'The {label} needs {minutes} minutes.',
        'The {label} is done in {minutes} minutes.',
        'I just put on the {label}, {minutes} minutes.',
        '{minutes} minutes for the {label}.',
      ],
      heldOut: [
        'run a {label} timer for {minutes} minutes',
        'give the {label} {minutes} minutes',
        'let me know about the {label} in {minutes} minutes',
        'The {label} takes {minutes} minutes.',
        'The {label} should be ready in {minutes} minutes.',
      ],
    },
    {
      command: ({ label }) => ({ intent: 'timer.cancel', label: label! }),
      train: [
        'cancel the {label} timer',
        'stop the {label} timer',
        'stop the timer for the {label}',
        'delete the {label} timer',
        'turn off the {label} timer',
        'forget the {label} timer',
        'cancel the timer for the {label}',
        'The {label} is ready, no timer needed.',
        "I don't need the {label} timer any more.",
        'Never mind the {label} timer.',
        'No timer for the {label} after all.',
      ],
      heldOut: [
        'end the {label} timer',
        'remove the timer for the {label}',
        'The {label} timer is no longer needed.',
        'We can do without the {label} timer.',
      ],
    },
  ],
}
