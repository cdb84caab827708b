/** Text from outside on its way to a terminal, a status or a page: an escape sequence in it must not do anything there. */

/** Control characters but tab and line feed, C1 among them; a lone surrogate is not even text. */
export const printable = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  text.toWellFormed().replace(/[\0-\x08\x0b-\x1f\x7f-\x9f]/g, '\ufffd')
