/** Nobody may park a destination for longer than this by asking. */
const LONGEST_RETRY_AFTER_MS = 60 * 60 * 1000

/**
 * Reads a Retry-After header: whole seconds, the decimals that some vendors send, or an HTTP date
 * (https://www.rfc-editor.org/rfc/rfc9110#field.retry-after).
 *
 * @param value the header as received, or undefined when there was none
 * @param now milliseconds since the epoch, for the date form
 * @returns milliseconds to wait, at least 0 and at most an hour; undefined when there is nothing to obey
 */
export function retryAfterMs(value: string | undefined, now: number): number | undefined {
  const text = value?.trim() ?? ''
  let ms: number
  if (/^\d{1,15}(\.\d{1,9})?$/.test(text)) ms = Number(text) * 1000
  else if (/^[A-Za-z]{3,9},? /.test(text)) ms = Date.parse(text) - now
  else return undefined
  if (Number.isNaN(ms)) return undefined
  return Math.min(Math.max(Math.ceil(ms), 0), LONGEST_RETRY_AFTER_MS)
}
