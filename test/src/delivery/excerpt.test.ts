import { expect, test } from 'vitest'
import { excerpt } from '../../../src/delivery/excerpt.ts'

test('an answer is shown on one clean line', () => {
  expect(excerpt(' <h1>\n\tBad\u0000  Gateway</h1> ')).toBe('<h1> Bad Gateway</h1>')
})

test('a long answer is cut', () => {
  expect(excerpt('x'.repeat(10_000))).toBe(`${'x'.repeat(119)}…`)
})
