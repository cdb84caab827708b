/** HTML with every value escaped, unless it is markup already. */
import { printable } from '@attune/crds/printable.ts'

export type Markup = { readonly markup: string }
export type Content = string | number | Markup | undefined | readonly Content[]

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** HTML allows no control character, escaped or not. */
export const escapeHtml = (text: string): string =>
  printable(text).replace(/[&<>"']/g, character => ENTITIES[character]!)

const render = (content: Content): string => {
  if (content === undefined) return ''
  if (typeof content === 'string') return escapeHtml(content)
  if (typeof content === 'number') return String(content)
  if ('markup' in content) return content.markup
  return content.map(render).join('')
}

/** Template tag: html`<p>${text}</p>` */
export const html = (strings: TemplateStringsArray, ...values: readonly Content[]): Markup => ({
  markup: String.raw({ raw: strings }, ...values.map(render)),
})

/** Markup that was made here, never text from outside. */
export const trusted = (markup: string): Markup => ({ markup })
