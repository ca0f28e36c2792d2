import { describe, expect, test } from 'vitest'
import { codePoints, head, keepEnds, tail, truncate, truncateMiddle } from '../../../src/message/truncate.ts'

const SMILE = '\u{1F600}'

test('characters are counted as people count them', () => {
  expect(codePoints('')).toBe(0)
  expect(codePoints(`a${SMILE}b`)).toBe(3)
  expect(codePoints('\ud83d')).toBe(1)
  expect(codePoints('\ude00\ud83d')).toBe(2)
})

test('heads and tails never tear a surrogate pair', () => {
  expect(head(`a${SMILE}b`, 2)).toBe(`a${SMILE}`)
  expect(tail(`a${SMILE}b`, 2)).toBe(`${SMILE}b`)
  expect(head(SMILE, 5)).toBe(SMILE)
  expect(tail(SMILE, 5)).toBe(SMILE)
  expect(tail('\ude00', 1)).toBe('\ude00')
})

describe('truncating', () => {
  test.each([
    ['abc', 3, 'abc', 'abc'],
    ['abcdef', 3, 'ab…', 'a…f'],
    ['abcdef', 4, 'abc…', 'ab…f'],
    ['abcdef', 1, '…', '…'],
    ['abcdef', 0, '', ''],
    [SMILE.repeat(3), 3, SMILE.repeat(3), SMILE.repeat(3)],
    [SMILE.repeat(4), 3, `${SMILE}${SMILE}…`, `${SMILE}…${SMILE}`],
  ])('%j to %i', (text, limit, atEnd, inMiddle) => {
    expect(truncate(text, limit)).toBe(atEnd)
    expect(truncateMiddle(text, limit)).toBe(inMiddle)
  })
})

test('of a long text both ends stay, with the number of what is missing', () => {
  const text = `start${'x'.repeat(90)}end!!`
  expect(keepEnds(text, 9, 100)).toBe('startx\n… 91 characters left out …\nd!!')
  expect(keepEnds(text, 100, 100)).toBe(text)
})
