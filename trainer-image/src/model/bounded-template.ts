/**
 * Jinja templates that end. A template comes with a model or a job and is rendered on the thread that answers
 * probes and signals, so an endless loop in it must not hold that up: every step of the interpreter looks at the
 * clock, and `range`, the one function that can take long by itself, makes short lists only.
 */
import * as jinja from '@huggingface/jinja'

type Items = Readonly<Record<string, unknown>>
type Scope = { set(name: string, value: unknown): void }

/** The library's own declarations do not resolve under Node's rules. */
const { Environment, Interpreter, parse, Template, tokenize } = jinja as unknown as {
  readonly Environment: new () => Scope
  readonly Interpreter: new (
    environment: Scope,
  ) => {
    evaluate(statement: unknown, environment: Scope): unknown
    run(program: unknown): { readonly value: string }
  }
  readonly Template: new (source: string) => { render(items: Items): string }
  parse(tokens: unknown): unknown
  tokenize(source: string, options: Readonly<Record<string, boolean>>): unknown
}

export class TemplateTooSlow extends Error {
  override readonly name = 'TemplateTooSlow'
}

const MAX_RANGE = 100_000

class BoundedInterpreter extends Interpreter {
  readonly #deadline: number
  readonly #limitMs: number

  constructor(environment: Scope, limitMs: number) {
    super(environment)
    this.#limitMs = limitMs
    this.#deadline = performance.now() + limitMs
  }

  override evaluate(statement: unknown, environment: Scope): unknown {
    if (performance.now() > this.#deadline)
      throw new TemplateTooSlow(`it takes longer than ${this.#limitMs / 1000} s`)
    return super.evaluate(statement, environment)
  }
}

const range = (start: number, stop?: number, step = 1): number[] => {
  const [from, to] = stop === undefined ? [0, start] : [start, stop]
  const count = Math.max(0, Math.ceil((to - from) / step))
  if (!(count <= MAX_RANGE)) throw new Error(`range() has ${count} numbers, at most ${MAX_RANGE}`)
  return Array.from({ length: count }, (_, i) => from + i * step)
}

/** the library's own, which it does not export */
const STRFTIME_NOW = new Template('{{ strftime_now(format) }}')

/** What the library's `Template` has, bounded. */
const GLOBALS: Items = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
  raise_exception: (message: string) => {
    throw new Error(message)
  },
  range,
  strftime_now: (format: string) => STRFTIME_NOW.render({ format }),
}

/** @returns a function that renders the template, or throws `TemplateTooSlow` after `limitMs` */
export const boundedTemplate = (source: string, limitMs: number): ((items: Items) => string) => {
  // as transformers sets Jinja up
  const program = parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }))
  return items => {
    const environment = new Environment()
    for (const [name, value] of Object.entries({ ...GLOBALS, ...items }))
      environment.set(name, value)
    return new BoundedInterpreter(environment, limitMs).run(program).value
  }
}
