/**
 * Makes `train.jsonl` and `validation.jsonl`: spoken requests, each with the one line of JSON that a smart home obeys.
 * The same bytes at every run: `npx node examples/home-automation/generate.ts`
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { blinds } from './phrasings/blinds.ts'
import { heating } from './phrasings/heating.ts'
import { lights } from './phrasings/lights.ts'
import { locks } from './phrasings/locks.ts'
import type { Action, Category } from './phrasings/phrasing.ts'
import { scenes } from './phrasings/scenes.ts'
import { timers } from './phrasings/timers.ts'
import { CONTEXTS, POLITE_FORMS, VOCABULARY } from './vocabulary.ts'

export const CATEGORIES: readonly Category[] = [lights, heating, blinds, locks, scenes, timers]
export const TRAIN_PER_CATEGORY = 160
export const HELD_OUT_PER_CATEGORY = 14
const SEED = 7
const CONTEXT_SHARE = 0.25
/** Draws of one phrasing until its request is new; the phrasing is passed over after so many. */
const ATTEMPTS = 50

export type Example = {
  readonly intent: string
  readonly prompt: string
  readonly completion: string
}
type Side = 'train' | 'heldOut'
type Random = () => number

/** mulberry32 (public domain, Tommy Ettinger): uniform in [0, 1), the same on every machine. */
const generator = (seed: number): Random => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let z = Math.imul(state ^ (state >>> 15), 1 | state)
    z = (z + Math.imul(z ^ (z >>> 7), 61 | z)) ^ z
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32
  }
}

const pick = <T>(items: readonly T[], random: Random): T =>
  items[Math.floor(random() * items.length)]!

const shuffled = <T>(items: readonly T[], random: Random): T[] => {
  const all = [...items]
  for (let last = all.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    ;[all[last], all[other]] = [all[other]!, all[last]!]
  }
  return all
}

const fill = (phrasing: string, random: Random) => {
  const slots: Record<string, string | number> = {}
  const said = phrasing.replace(/\{(\w+)\}/g, (_, slot: string) => {
    const word = pick(VOCABULARY[slot]!, random)
    slots[slot] = word.value
    return word.said
  })
  return { said, slots }
}

const isAsked = (phrasing: string) => /^[a-z]/.test(phrasing)
const capitalized = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

const say = (phrasing: string, said: string, side: Side, random: Random): string => {
  const asked = isAsked(phrasing)
    ? pick(POLITE_FORMS[side], random).replace('{ask}', () => said)
    : said
  const request = capitalized(asked)
  return random() < CONTEXT_SHARE ? `${pick(CONTEXTS[side], random)} ${request}` : request
}

type Phrased = { readonly action: Action; readonly phrasing: string }

const draw = (
  intent: string,
  { action, phrasing }: Phrased,
  side: Side,
  random: Random,
): Example => {
  const { said, slots } = fill(phrasing, random)
  const prompt = say(phrasing, said, side, random)
  return { intent, prompt, completion: JSON.stringify(action.command(slots)) }
}

/** Every phrasing equally often, no request twice. */
const examplesOf = (
  { name, actions }: Category,
  side: Side,
  count: number,
  random: Random,
): readonly Example[] => {
  const phrasings = actions.flatMap(action => action[side].map(phrasing => ({ action, phrasing })))
  const byPrompt = new Map<string, Example>()
  while (byPrompt.size < count) {
    for (const phrased of shuffled(phrasings, random)) {
      for (let attempt = 0; attempt < ATTEMPTS && byPrompt.size < count; attempt++) {
        const example = draw(name, phrased, side, random)
        if (byPrompt.has(example.prompt)) continue
        byPrompt.set(example.prompt, example)
        break
      }
    }
  }
  return [...byPrompt.values()]
}

const toLines = (examples: readonly Example[]) =>
  examples.map(example => `${JSON.stringify(example)}\n`).join('')

/** @returns the content of each file */
export const generate = (): Readonly<Record<'train.jsonl' | 'validation.jsonl', string>> => {
  const random = generator(SEED)
  const of = (side: Side, count: number) =>
    shuffled(
      CATEGORIES.flatMap(category => examplesOf(category, side, count, random)),
      random,
    )
  return {
    'train.jsonl': toLines(of('train', TRAIN_PER_CATEGORY)),
    'validation.jsonl': toLines(of('heldOut', HELD_OUT_PER_CATEGORY)),
  }
}

if (import.meta.main) {
  for (const [name, content] of Object.entries(generate()))
    writeFileSync(join(import.meta.dirname, name), content)
}
