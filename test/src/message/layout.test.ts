import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { layout, layoutLine, type Limit, type Markup } from '../../../src/message/layout.ts'
import type { Section } from '../../../src/message/message.ts'
import { plainMarkup } from '../../../src/message/plain.ts'
import { codePoints } from '../../../src/message/truncate.ts'
import { anyText } from '../../support/arbitrary-event.ts'
import { rewrittenCharacters } from '../../support/work.ts'

const escape = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

/** A markup that escapes, as most targets' do, and that keeps count of how much it was given to write. */
function escapingMarkup() {
  const work = { characters: 0 }
  const counting = (write: (text: string) => string) => (text: string) => {
    work.characters += text.length
    return write(text)
  }
  const markup: Markup = {
    text: counting(escape),
    code: counting((text) => `\`${escape(text)}\``),
    link: (text, url) => `<${url}|${escape(text)}>`,
    pre: counting((text) => `[[${escape(text)}]]`),
    heading: counting((text) => `*${escape(text)}*`),
    bullet: '- ',
  }
  return { markup, work }
}

const characters = (size: number): Limit => ({ size, unit: 'characters' })
const section = (fields: Partial<Section>): Section => ({ heading: '', items: [], omitted: 0, ...fields })
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value)
const long = (heading: string): Section =>
  section({ heading, items: [{ line: [], detail: heading.repeat(1000) }] })
const list = (heading: string, ...texts: string[]): Section =>
  section({ heading, items: texts.map((text) => ({ line: [{ text }] })) })

describe('what fits is shown as it is', () => {
  test('headings, items, details and links, one below the other', () => {
    const text = layout(
      [
        section({
          heading: 'Errors',
          items: [
            { line: [{ text: 'api', look: 'code' }, { text: ' in x' }], detail: 'one\ntwo\n' },
            { line: [{ text: 'a1b2c3d', link: 'https://x/1' }, { text: ' <b>' }] },
          ],
        }),
        section({ items: [{ line: [], detail: 'alone' }] }),
      ],
      escapingMarkup().markup,
      characters(1000),
    )
    expect(text.split('\n')).toEqual([
      '*Errors*',
      '- `api` in x',
      '[[one',
      'two]]',
      '- <https://x/1|a1b2c3d> &lt;b>',
      '[[alone]]',
    ])
  })

  test('a single short item stands beside its heading', () => {
    expect(layout([list('Image', 'a:1')], plainMarkup, characters(99))).toBe('Image: a:1')
  })

  test('sections without anything to tell are left out', () => {
    expect(layout([list('Empty'), list('Image', 'a:1')], plainMarkup, characters(99))).toBe('Image: a:1')
  })

  test('only web pages are linked', () => {
    const line = [
      { text: 'a', link: 'javascript:alert(1)' },
      { text: ' b', link: 'https://x/ y' },
    ]
    expect(layout([section({ items: [{ line }] })], plainMarkup, characters(99))).toBe('- a b')
  })

  test('what cannot be seen is not sent', () => {
    const text = layout(
      [section({ items: [{ line: [{ text: 'a\r\nb\u0000\u202ec\ud83d' }], detail: 'x\r\ny\u0007\tz' }] })],
      plainMarkup,
      characters(99),
    )
    expect(text).toBe('- a bc\ufffd\nx\ny\tz')
  })
})

describe('what does not fit', () => {
  test('is left out from the end of a list, and counted', () => {
    const numbers = Array.from({ length: 1000 }, (_, index) => `item ${index}`)
    const lines = layout([list('Things', ...numbers)], plainMarkup, characters(60)).split('\n')
    expect(lines).toEqual(['Things:', '- item 0', '- item 1', '- item 2', '- … and 997 more'])
  })

  test('is counted together with what was never there, and by what an item stands for', () => {
    const both = section({
      omitted: 7,
      items: [{ line: [{ text: 'a' }] }, { line: [{ text: 'b'.repeat(400) }], count: 40 }],
    })
    expect(layout([both], plainMarkup, characters(60))).toBe('- a\n- … and 47 more')
  })

  test('is cut from the middle of a detail, between characters and escapes', () => {
    const detail = `${'&\u{1F600}'.repeat(500)}THE REASON`
    const text = layout(
      [section({ items: [{ line: [], detail }] })],
      escapingMarkup().markup,
      characters(200),
    )
    expect(text.length).toBeGreaterThan(190)
    expect(text).toMatch(/^\[\[(&amp;\u{1F600})+(&amp;)?\n… \d+ characters left out …\n/u)
    expect(text).toMatch(/THE REASON\]\]$/)
    expect(text.isWellFormed()).toBe(true)
    const [, left] = /… (\d+) characters/.exec(text) ?? []
    const shown = codePoints(
      text
        .replaceAll('&amp;', '&')
        .replace(/\n….*…\n/, '')
        .slice(2, -2),
    )
    expect(shown + Number(left)).toBe(1010)
  })

  test('leaves at least half of the room to the sections behind it, when they need it', () => {
    const text = layout([long('A'), long('B'), list('C', 'c')], plainMarkup, characters(1000))
    const count = (letter: string) => text.split(letter).length - 1
    expect(text.length).toBeLessThanOrEqual(1000)
    expect(count('A')).toBeGreaterThan(440)
    expect(count('B')).toBeGreaterThan(400)
    expect(text).toMatch(/\nC: c$/)
  })

  test('lets a short section give its room to the others', () => {
    const text = layout([list('A', 'a'), list('B', 'b'.repeat(400))], plainMarkup, characters(500))
    expect(text).toMatch(/^A: a\nB: b{100,}…$/)
  })

  test('shares the room among details fairly', () => {
    const items = [
      { line: [{ text: 'x' }], detail: 'short' },
      { line: [{ text: 'y' }], detail: 'y'.repeat(5000) },
    ]
    const text = layout([section({ items })], plainMarkup, characters(2000))
    expect(text.length).toBeGreaterThan(1990)
    expect(text).toContain('short')
  })
})

const anySection: fc.Arbitrary<Section> = fc.record({
  heading: anyText,
  items: fc.array(
    fc.record(
      {
        line: fc.array(
          fc.record(
            {
              text: anyText,
              look: fc.constant('code' as const),
              link: fc.oneof(fc.webUrl(), anyText),
            },
            { requiredKeys: ['text'] },
          ),
          { maxLength: 6 },
        ),
        detail: anyText,
        count: fc.integer({ min: 1, max: 1e6 }),
      },
      { requiredKeys: ['line'] },
    ),
    { maxLength: 20 },
  ),
  omitted: fc.integer({ min: 0, max: 1e9 }),
})

describe('whatever it is given', () => {
  const sections = fc.array(anySection, { maxLength: 8 })
  const size = fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 20_000 }))

  test('the text is within the limit, in characters and in bytes, and well-formed', () => {
    fc.assert(
      fc.property(
        sections,
        size,
        fc.constantFrom('characters' as const, 'bytes' as const),
        (sections, size, unit) => {
          for (const markup of [plainMarkup, escapingMarkup().markup]) {
            const text = layout(sections, markup, { size, unit })
            expect(unit === 'bytes' ? Buffer.byteLength(text) : text.length).toBeLessThanOrEqual(size)
            expect(text.isWellFormed()).toBe(true)
          }
        },
      ),
    )
  })

  test('no escape is torn', () => {
    fc.assert(
      fc.property(sections, size, (sections, size) => {
        const text = layout(sections, { ...escapingMarkup().markup, link: escape }, characters(size))
        expect(text.replace(/&(amp|lt);/g, '')).not.toMatch(/[&<]/)
      }),
    )
  })

  test('one line is within its limit, too', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 0, max: 300 }), (text, size) => {
        const line = layoutLine(text, escape, size)
        expect(line.length).toBeLessThanOrEqual(size)
        expect(line.replace(/&(amp|lt);/g, '')).not.toMatch(/[&<\n]/)
      }),
    )
  })
})

describe('the work depends on the limit, not on what is cut away', () => {
  const LIMIT = 4000
  test.each([
    ['a detail of a megabyte', section({ items: [{ line: [], detail: '&'.repeat(1_000_000) }] })],
    [
      '10,000 details of a kilobyte',
      section({ items: times(10_000, { line: [], detail: 'x'.repeat(1000) }) }),
    ],
    ['10,000 lines', list('Things', ...times(10_000, 'default:deployment/api'))],
    ['10,000 lines without text', list('Things', ...times(10_000, ''))],
    ['a line of a megabyte', list('Things', 'x'.repeat(1_000_000), 'y'.repeat(1_000_000))],
    ['a line of 100,000 parts', section({ items: [{ line: times(100_000, { text: 'x' }) }] })],
    ['a heading of a megabyte', list('x'.repeat(1_000_000), 'a', 'b')],
  ])('%s', (_, big) => {
    const { markup, work } = escapingMarkup()
    layout([big, big, big], markup, characters(LIMIT))
    // Three sections, each measured and written, each cut by halving: log2(4000) tries of at most the limit.
    expect(work.characters).toBeLessThan(3 * 2 * 12 * LIMIT)
  })

  test('one line of a megabyte', () => {
    const work = rewrittenCharacters(() => void layoutLine('&'.repeat(1_000_000), escape, 1000))
    expect(work).toBeLessThan(100_000)
  })
})
