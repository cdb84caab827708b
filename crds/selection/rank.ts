/**
 * Ranks models by the weighted sum model, also known as simple additive weighting (P. C. Fishburn, "Additive
 * Utilities with Incomplete Product Sets", Operations Research 15, 1967), with each criterion scaled linearly to
 * 0…1 over the candidates (C.-L. Hwang, K. Yoon, "Multiple Attribute Decision Making", 1981):
 *
 *     r = (x - min) / (max - min)   where the weight is positive
 *     r = (max - x) / (max - min)   where it is negative, so that less is better
 *     score = Σ |w| r / Σ |w|
 *
 * Where all candidates have the same figure, r is 1. A figure that is not published has r = 0.
 */
import { type CatalogueEntry, figureOf } from './catalogue.ts'

export type Ranked = {
  readonly name: string
  /** 0…1 */
  readonly score: number
  /** r by criterion */
  readonly criteria: Readonly<Record<string, number>>
}

/** Beyond that, sums differ by the order in which they are added up, and not by the models. */
const DIGITS = 1e6
const rounded = (value: number) => Math.round(value * DIGITS) / DIGITS

type Scale = (figure: number | undefined) => number

const scaleOf = (figures: readonly (number | undefined)[], weight: number): Scale => {
  const known = figures.filter(figure => figure !== undefined)
  const least = known.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  const most = known.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  return figure => {
    if (figure === undefined) return 0
    if (least === most) return 1
    return (weight < 0 ? most - figure : figure - least) / (most - least)
  }
}

const byScore = (a: Ranked, b: Ranked) =>
  b.score - a.score || (a.name < b.name ? -1 : Number(a.name > b.name))

/** @returns the candidates, the best first; equal scores by name */
export const rank = (
  candidates: readonly CatalogueEntry[],
  weights: Readonly<Record<string, number>>,
): readonly Ranked[] => {
  const criteria = Object.entries(weights)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([criterion, weight]) => {
      const figures = candidates.map(({ spec }) => figureOf(spec, criterion))
      return { criterion, weight: Math.abs(weight), scale: scaleOf(figures, weight) }
    })
  const total = criteria.reduce((sum, { weight }) => sum + weight, 0)
  return candidates
    .map(({ name, spec }) => {
      const scaled = criteria.map(({ criterion, weight, scale }) => ({
        criterion,
        weight,
        r: scale(figureOf(spec, criterion)),
      }))
      const sum = scaled.reduce((all, { weight, r }) => all + weight * r, 0)
      return {
        name,
        score: total > 0 ? rounded(sum / total) : 0,
        criteria: Object.fromEntries(scaled.map(({ criterion, r }) => [criterion, rounded(r)])),
      }
    })
    .sort(byScore)
}
