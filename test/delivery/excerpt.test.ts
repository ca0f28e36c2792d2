import { expect, test } from 'vitest'
import { createExcerpt } from '../../src/delivery/excerpt.ts'
import { Secret } from '../../src/secret.ts'

const PASSWORD = ['pass', 'word', 'of', 'ours'].join('-')
const TOKEN = ['tok', 'en of', ' ours'].join('')
const url = new Secret(
  `https://user:${PASSWORD}@example.com/hooks/0123456789abcdef?a=1&sig=${encodeURIComponent(TOKEN)}`,
)
const excerpt = createExcerpt([url])

test.each([
  ['plain', 'no such channel', 'no such channel'],
  ['several lines', ' <h1>\n\tBad\u0000  Gateway</h1> ', '<h1> Bad Gateway</h1>'],
  ['the URL', `POST ${url.reveal()} failed`, 'POST *** failed'],
  ['the path', 'no route /hooks/0123456789abcdef here', 'no route *** here'],
  ['the last of the path', 'no hook 0123456789abcdef', 'no hook ***'],
  ['the password', `for ${PASSWORD}`, 'for ***'],
  ['a value of the query', `bad sig ${TOKEN}`, 'bad sig ***'],
  ['JSON', '{"path":"\\/hooks\\/0123456789abcdef"}', '{"path":"***"}'],
])('%s', (_, body, expected) => expect(excerpt(body)).toBe(expected))

test('it is short', () => {
  expect(excerpt('x'.repeat(10_000))).toBe(`${'x'.repeat(119)}…`)
})
