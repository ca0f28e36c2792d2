import { clean, cleanLine } from './clean.ts'
import type { Item, Line, Section } from './message.ts'
import { codePoints, keepEnds, truncate, truncateMiddle } from './truncate.ts'

/** How one target writes things. Each function gets clean text and escapes it; none may fail. */
export interface Markup {
  /** Prose on one line. */
  text(text: string): string
  /** A name or id on one line. */
  code(text: string): string
  /** `url` is an absolute http(s) URL without blanks. */
  link(text: string, url: string): string
  /** A block of several lines, shown as they are. */
  pre(text: string): string
  /** A line above a list. */
  heading(text: string): string
  /** What stands before an item. */
  readonly bullet: string
}

/** A target's limit, in the unit that the target counts in: UTF-16 code units, or bytes of UTF-8. */
export interface Limit {
  readonly size: number
  readonly unit: 'characters' | 'bytes'
}

/** Of one line's part no more is shown, whatever room there is: longer ones are not names or first lines. */
const LONGEST_SPAN = 500
const LONGEST_LINK = 2000
/** Details share the room fairly, but none is cut to less than this for the sake of those behind it. */
const SMALLEST_SHARE = 400
/** With less room than this, an item is shown without its detail. */
const SHORTEST_DETAIL = 80

/**
 * The sections as one text, never longer than `limit`, whatever is in them. A section that is too long may leave no
 * less than half of the room to those behind it, so that errors get the most of it and nothing is crowded out; what
 * does not fit is left out from the end of a list, or from the middle of a detail, and counted.
 *
 * The work is bounded by the limit and the number of sections, not by the length of what is in them.
 */
export function layout(sections: readonly Section[], markup: Markup, limit: Limit): string {
  const writer: Writer = {
    markup,
    measure: limit.unit === 'bytes' ? (text) => Buffer.byteLength(text) : (text) => text.length,
  }
  const gap = '\n'
  const shown = sections.filter((section) => section.items.length > 0 || section.omitted > 0)
  const wanted = shown.map(
    (section) => writer.measure(writeSection(section, writer, limit.size)) + gap.length,
  )
  let stillWanted = wanted.reduce((sum, size) => sum + size, 0)
  let room = limit.size
  const written: string[] = []
  for (const [index, section] of shown.entries()) {
    stillWanted -= wanted[index] ?? 0
    const forOthers = Math.min(stillWanted, Math.floor(room / 2))
    const text = writeSection(section, writer, room - forOthers)
    if (text === '') continue
    written.push(text)
    room -= writer.measure(text) + gap.length
  }
  return written.join(gap)
}

/** One line of plain text, escaped, as much of it as fits `size` code units. */
export function layoutLine(text: string, escape: (text: string) => string, size: number): string {
  const line = cleanLine(text.slice(0, 4 * size))
  return largest(
    size,
    (limit) => escape(truncate(line, limit)),
    (written) => written.length <= size,
  )
}

interface Writer {
  readonly markup: Markup
  readonly measure: (text: string) => number
}

/** The section in at most `room`; empty when not even the count of its items fits. */
function writeSection(section: Section, writer: Writer, room: number): string {
  const { markup, measure } = writer
  const lines: string[] = []
  let used = 0
  const add = (line: string) => {
    lines.push(line)
    used += measure(line) + 1
  }
  const heading = cleanLine(section.heading.slice(0, LONGEST_SPAN))
  if (heading !== '') add(markup.heading(heading))
  const [only] = section.items
  if (
    only !== undefined &&
    only.detail === undefined &&
    section.items.length === 1 &&
    section.omitted === 0
  ) {
    // One short thing goes beside its heading: some targets fold a message after a few lines.
    const line = writeLine(only.line, heading === '' ? markup.bullet : '', writer, room - used)
    if (line !== '') return whenFits(lines.concat(line).join(' '), writer, room)
  }
  let left = section.items.reduce((sum, { count = 1 }) => sum + count, section.omitted)
  // Whatever is left out, its count is no longer than this.
  const reserve = measure(more(left, markup)) + 1
  for (const [index, item] of section.items.entries()) {
    const leftAfter = left - (item.count ?? 1)
    const itemRoom = room - used - (leftAfter > 0 ? reserve : 0)
    const fairShare = Math.floor(itemRoom / (section.items.length - index))
    const text = writeItem(item, writer, itemRoom, Math.max(fairShare, SMALLEST_SHARE))
    if (text === undefined) break
    if (text !== '') add(text)
    left = leftAfter
  }
  if (left > 0) add(more(left, markup))
  return whenFits(lines.join('\n'), writer, room)
}

function whenFits(text: string, { measure }: Writer, room: number): string {
  return measure(text) <= room ? text : ''
}

function more(count: number, markup: Markup): string {
  return `${markup.bullet}${markup.text(`… and ${count} more`)}`
}

/** The item in at most `room`, with no more of its detail than fits `share`; undefined when it does not fit. */
function writeItem(item: Item, writer: Writer, room: number, share: number): string | undefined {
  const line = writeLine(item.line, writer.markup.bullet, writer, room)
  const size = writer.measure(line)
  if (size > room) return undefined
  if (item.detail === undefined) return line
  const gap = line === '' ? '' : '\n'
  const detail = writeDetail(item.detail, writer, Math.min(room - size - gap.length, share))
  return detail === '' ? line : line + gap + detail
}

function writeLine(line: Line, bullet: string, { markup }: Writer, room: number): string {
  // A hostile name must not take the whole room, nor cost more time than it.
  const longest = Math.min(LONGEST_SPAN, Math.max(Math.floor(room / 4), 40))
  const parts: string[] = []
  let raw = 0
  for (const { text: untrusted, look, link = '' } of line) {
    const text = look === 'code' ? truncateMiddle(untrusted, longest) : truncate(untrusted, longest)
    const shown = clean(text).replace(/\s+/g, ' ')
    raw += shown.length
    if (isLink(link)) parts.push(markup.link(shown, link))
    else parts.push(look === 'code' ? markup.code(shown) : markup.text(shown))
    // The rest would not fit anyhow: no markup makes text shorter.
    if (raw > room) break
  }
  return parts.length === 0 ? '' : bullet + parts.join('')
}

function isLink(url: string): boolean {
  return url.length <= LONGEST_LINK && /^https?:\/\/[^\s<>]+$/i.test(url)
}

/** As much of `detail` as fits `room`; empty when that is too little to be of use. */
function writeDetail(detail: string, { markup, measure }: Writer, room: number): string {
  const fits = (text: string) => measure(text) <= room
  if (detail.length <= room) {
    const text = clean(detail).trimEnd()
    if (text === '') return ''
    const whole = markup.pre(text)
    if (fits(whole)) return whole
  }
  if (room < SHORTEST_DETAIL) return ''
  const total = codePoints(detail)
  return largest(Math.min(total - 1, room), (keep) => markup.pre(clean(keepEnds(detail, keep, total))), fits)
}

/** The longest text that `write` yields for a number up to `most` and that fits; empty when none does. */
function largest(most: number, write: (count: number) => string, fits: (text: string) => boolean): string {
  let low = 1
  let high = most
  let best = ''
  while (low <= high) {
    // The upper bound first: mostly nothing needs to be cut.
    const middle = best === '' && high === most && low === 1 ? high : Math.floor((low + high) / 2)
    const text = write(middle)
    if (fits(text)) {
      best = text
      low = middle + 1
    } else high = middle - 1
  }
  return best
}
