/**
 * Cutting by code points, so that no surrogate pair is torn. Every function looks at no more of the text than it
 * keeps, however long the text is, except for `codePoints`.
 */

/** Whether a surrogate pair starts at `index`. */
function isPairAt(text: string, index: number): boolean {
  return (
    (text.charCodeAt(index) & 0xfc00) === 0xd800 &&
    index + 1 < text.length &&
    (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00
  )
}

/** How many code points `text` has. */
export function codePoints(text: string): number {
  let pairs = 0
  for (let index = 0; index < text.length - 1; index++) {
    if (isPairAt(text, index)) {
      pairs++
      index++
    }
  }
  return text.length - pairs
}

/** The first `count` code points. */
export function head(text: string, count: number): string {
  let end = 0
  for (let taken = 0; taken < count && end < text.length; taken++) end += isPairAt(text, end) ? 2 : 1
  return text.slice(0, end)
}

/** The last `count` code points. */
export function tail(text: string, count: number): string {
  let start = text.length
  for (let taken = 0; taken < count && start > 0; taken++)
    start -= start > 1 && isPairAt(text, start - 2) ? 2 : 1
  return text.slice(start)
}

/** `text`, or as much of its head as fits `limit` code points together with the `…` that marks the cut. */
export function truncate(text: string, limit: number): string {
  if (text.length <= limit || head(text, limit).length === text.length) return text
  return limit < 1 ? '' : `${head(text, limit - 1)}…`
}

/** The same, with the `…` in the middle: for ids and images, whose end says as much as their start. */
export function truncateMiddle(text: string, limit: number): string {
  if (text.length <= limit || head(text, limit).length === text.length) return text
  if (limit < 1) return ''
  const end = Math.floor((limit - 1) / 2)
  return `${head(text, limit - 1 - end)}…${tail(text, end)}`
}

/**
 * Of a long text, `keep` code points: two thirds from its head and one third from its tail, where command line tools
 * put their reason, with a line between them that says how much is missing.
 *
 * @param total `codePoints(text)`, which the caller counts once for several cuts
 */
export function keepEnds(text: string, keep: number, total: number): string {
  if (keep >= total) return text
  const last = Math.floor(keep / 3)
  return `${head(text, keep - last)}\n… ${total - keep} characters left out …\n${tail(text, last)}`
}
