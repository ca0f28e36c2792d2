import { describe, expect, it } from 'vitest'
import { createRedactor } from '../../src/redact.ts'
import { Secret } from '../../src/secret.ts'

// Put together at run time, so that scanners for leaked secrets have nothing to find here.
const slackUrl = ['https://hooks.slack.com', 'services', 'T000', 'B000', 'x'.repeat(24)].join('/')
const token = ['xoxb', '123456789012', 'abcdefABCDEF'].join('-')
const signing = `whsec_${Buffer.from('s'.repeat(32)).toString('base64')}`

describe('the redactor', () => {
  const webhookUrl = 'https://user:hunter22@hooks.example.com/in/abc%20def?token=tell-nobody'
  const redact = createRedactor([slackUrl, token, signing, webhookUrl].map((value) => new Secret(value)))

  it.each([
    ['the Slack URL', slackUrl],
    ['the token', token],
    ['the signing secret', signing],
    ['the webhook URL', webhookUrl],
  ])('removes %s in every spelling', (_name, secret) => {
    const spellings = [
      secret,
      JSON.stringify({ error: `failed: ${secret}` }),
      secret.replaceAll('/', '\\/'),
      encodeURIComponent(secret),
    ]
    const telling = secret.slice(-12)
    for (const text of spellings) {
      expect(redact(`before ${text} after`)).not.toContain(telling)
      expect(redact(`before ${text} after`)).toMatch(/^before .*\*\*\*.* after$/)
    }
  })

  it("removes the path of a secret URL, which a server's error page may quote", () => {
    expect(redact(`Cannot POST ${new URL(slackUrl).pathname}`)).toBe('Cannot POST ***')
  })

  it.each([
    ['https://hooks.slack.com/services/T1/B2/abcdefghijkl', 'abcdefghijkl'],
    [`https://discord.com/api/webhooks/123/${'d'.repeat(30)}`, 'ddd'],
    ['https://mattermost.example.com/hooks/abcdefghijklmnopqrstuvwxyz', 'abcdefghij'],
    ['https://prod-1.westus.logic.azure.com:443/workflows/x?sig=abcdef', 'abcdef'],
    ['https://example.com/?access_token=abcdef', 'abcdef'],
    ['postgres://user:pa55word@db/x', 'pa55word'],
    ['Authorization: Bearer abcdefgh12345', 'abcdefgh12345'],
    ['Scope-Probe token=abcdefgh', 'abcdefgh'],
    [['ghp', 'a'.repeat(36)].join('_'), 'aaaa'],
    [['xoxp', '1234567890', 'abcdef'].join('-'), 'abcdef'],
  ])('removes credentials that are not ours: %s', (text, secret) => {
    expect(redact(text)).not.toContain(secret)
  })

  it('leaves ordinary lines alone', () => {
    const line = '{"level":"info","event":"a1b2c3d4e5-12","destination":"slack:#ops","msg":"delivered"}'
    expect(redact(line)).toBe(line)
  })

  it('stays linear in what a hostile server answers', () => {
    // Quadratic patterns need minutes for this; the test's own time limit is the judge.
    for (const hostile of ['a:', 'http://a/', 'a.b-', 'https://', 'Bearer ', '?key=', 'x@']) {
      redact(hostile.repeat(100_000))
    }
  })
})

describe('a secret', () => {
  it('does not print itself', () => {
    const secret = new Secret(token)
    const { inspect } = process.getBuiltinModule('node:util')
    for (const text of [String(secret), JSON.stringify({ secret }), inspect({ secret }), String([secret])]) {
      expect(text).not.toContain('xoxb')
    }
    expect(secret.reveal()).toBe(token)
    expect(secret.fingerprint()).toMatch(/^[0-9a-f]{8}$/)
  })
})
