import type { Markup } from './layout.ts'

/** Text without any markup, for targets that show it as it is. */
export const plainMarkup: Markup = {
  text: (text) => text,
  code: (text) => text,
  link: (text, url) => `${text} (${url})`,
  pre: (text) => text,
  heading: (text) => `${text}:`,
  bullet: '- ',
}
