/** Curves as inline SVG. */
import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import { type Markup, trusted } from './html.ts'
import type { Curves, StepPoint, ValidationPoint } from './report-data.ts'
import { smoothed } from './smooth.ts'

const TUNED = 'var(--tuned)'
const BASE = 'var(--base)'
const MUTED = 'var(--muted)'
/** Single steps are drawn as dots only where they can be told apart. */
const MAX_DOTS = 400

const { document } = parseHTML('<!doctype html><html><body></body></html>')

type Options = Omit<NonNullable<Parameters<typeof Plot.plot>[0]>, 'document'>

const svg = (options: Options): Markup => {
  const figure = Plot.plot({
    style: { fontFamily: 'inherit', fontSize: '12px', background: 'none', color: MUTED },
    ...options,
    document,
  }) as unknown as { readonly outerHTML: string }
  return trusted(figure.outerHTML)
}

const xAxis = (label: string | null, ticks: number) =>
  ({ label, ticks, tickSize: 0, labelArrow: 'none' }) as const
const yAxis = (label: string | null, ticks: number) =>
  ({ label, ticks, tickSize: 0, grid: true, nice: true, labelArrow: 'none' }) as const

/** A loss that falls to a small part of itself would be a flat line for most of a linear axis. */
const LOG_FROM_RATIO = 20

const lossScale = ({ steps, validation }: Curves): 'log' | 'linear' => {
  const losses = [
    ...steps.map(({ loss }) => loss),
    ...validation.map(({ validationLoss }) => validationLoss),
  ]
  const [least, most] = [
    losses.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
    losses.reduce((a, b) => Math.max(a, b), 0),
  ]
  return least > 0 && most / least > LOG_FROM_RATIO ? 'log' : 'linear'
}

/** @param bestStep is marked */
export const lossChart = (curves: Curves, bestStep?: number): Markup => {
  const { steps, validation } = curves
  const type = lossScale(curves)
  const dots = steps.length <= MAX_DOTS
  return svg({
    ariaLabel: 'Loss by step',
    width: 960,
    height: 330,
    marginLeft: 48,
    marginRight: 12,
    x: xAxis('step', 8),
    y: {
      ...yAxis(`loss (nats per token${type === 'log' ? ', logarithmic' : ''})`, 6),
      type,
      ...(type === 'log' ? { tickFormat: '~g' } : {}),
    },
    marks: [
      dots
        ? Plot.dot(steps, { x: 'step', y: 'loss', r: 2, fill: TUNED, fillOpacity: 0.35 })
        : Plot.line(steps, { x: 'step', y: 'loss', stroke: TUNED, strokeOpacity: 0.3 }),
      Plot.line(smoothed(steps), { x: 'step', y: 'loss', stroke: TUNED, strokeWidth: 2.5 }),
      Plot.line(validation, { x: 'step', y: 'validationLoss', stroke: BASE, strokeWidth: 2 }),
      Plot.dot(validation, { x: 'step', y: 'validationLoss', r: 4, fill: BASE }),
      ...(bestStep === undefined
        ? []
        : [Plot.ruleX([bestStep], { stroke: MUTED, strokeDasharray: '4 4' })]),
    ],
  })
}

const small = (label: string, y: Options['y'], marks: Options['marks']): Markup =>
  svg({
    ariaLabel: `${label} by step`,
    width: 320,
    height: 165,
    marginLeft: 48,
    marginRight: 12,
    x: xAxis(null, 4),
    y,
    marks,
  })

export const learningRateChart = (steps: readonly StepPoint[]): Markup =>
  small('Learning rate', { ...yAxis(null, 4), zero: true, tickFormat: '.0e' }, [
    Plot.line(steps, { x: 'step', y: 'learningRate', stroke: TUNED, strokeWidth: 2 }),
  ])

export const gradientNormChart = (steps: readonly StepPoint[]): Markup =>
  small('Gradient norm', { ...yAxis(null, 4), zero: true }, [
    Plot.line(steps, { x: 'step', y: 'gradientNorm', stroke: TUNED, strokeWidth: 1.5 }),
  ])

export const accuracyChart = (validation: readonly ValidationPoint[]): Markup =>
  small('Token accuracy', { ...yAxis(null, 4), tickFormat: '.3~p' }, [
    Plot.line(validation, {
      x: 'step',
      y: 'validationTokenAccuracy',
      stroke: BASE,
      strokeWidth: 2,
    }),
    Plot.dot(validation, { x: 'step', y: 'validationTokenAccuracy', r: 3.5, fill: BASE }),
  ])
