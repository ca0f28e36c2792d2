import { stripVTControlCharacters, styleText } from 'node:util'

type Format = Parameters<typeof styleText>[0]

/**
 * Styles each word by itself, so that a line can be broken between any two of them. Plain text where the terminal
 * has no colours, where there is no terminal, and where NO_COLOR is set.
 */
export function paint(format: Format, text: string): string {
  return text.replace(/\S+/g, (word) => styleText(format, word))
}

/** What Slack's colours stand for, in those that every terminal has: red for failures, green, or grey. */
export function paintHex(color: string, text: string): string {
  const [red = 0, green = 0, blue = 0] = (color.match(/[0-9a-f]{2}/gi) ?? []).map((hex) =>
    Number.parseInt(hex, 16),
  )
  if (red > green + blue) return paint('red', text)
  return paint(green > red + blue / 2 ? 'green' : 'gray', text)
}

/** `text` in lines of at most `width` columns, broken at blanks; longer words stay whole. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line !== '' && visible(longer) > width) {
      lines.push(line)
      line = word
    } else line = longer
  }
  return [...lines, line]
}

function visible(text: string): number {
  return stripVTControlCharacters(text).length
}
