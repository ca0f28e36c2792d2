/**
 * Text as it may be shown: well-formed Unicode, `\n` for every kind of line end, and nothing that is invisible yet
 * acts: control characters, and those that turn the direction of what follows (https://trojansource.codes).
 */
export function clean(text: string): string {
  return text
    .toWellFormed()
    .replace(/\r\n?|[\u0085\u2028\u2029]/g, '\n')
    .replace(/(?![\n\t])[\p{Cc}\u202a-\u202e\u2066-\u2069\ufeff]/gu, '')
}

/** The same on one line: every run of white space is one blank. */
export function cleanLine(text: string): string {
  return clean(text).replace(/\s+/g, ' ').trim()
}
