/**
 * Text from outside, fit for a log line or a page: without control characters, invisible formatting (which can
 * reverse what a reader sees) and line separators, trimmed, and at most `maxLength` characters long.
 */
export function printable(text: string, maxLength: number): string {
  const clean = text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '')
    .trim()
    .toWellFormed()
  return clean.length <= maxLength ? clean : Array.from(clean).slice(0, maxLength).join('')
}
