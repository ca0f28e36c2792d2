import { expect } from 'vitest'
import { createSlackExporter } from '../../exporters/slack.ts'
import { createWebhookExporter } from '../../exporters/webhook.ts'
import type { OutgoingRequest } from '../../src/exporter.ts'
import { Secret } from '../../src/secret.ts'
import { answer, type ContractEntry } from './contract.ts'

// Credentials are put together here, so that those who scan repositories for them do not find any.
const SLACK_TOKEN = ['xoxb', '123456789012', 'abcdefABCDEF0123456789ab'].join('-')
const SLACK_PATH = ['T0FLUX000', 'B0FLUX000', 'c0ffee'.repeat(4)].join('/')
const SLACK_URL = `https://hooks.slack.com/services/${SLACK_PATH}`
const WEBHOOK_URL = `https://user:${'hunter2'.repeat(2)}@hooks.example.com/flux/${'f00d'.repeat(6)}?token=${'t0ken'.repeat(3)}`
const SIGNING_SECRETS = ['new', 'old'].map(
  (name) => `whsec_${Buffer.from(`${name} signing secret of an exporter`).toString('base64')}`,
)

/** Adding an exporter means adding its entry. */
export const entries: readonly ContractEntry[] = [
  {
    name: 'slack (incoming webhook)',
    create: (url = SLACK_URL) => createSlackExporter({ ...slack, url: new Secret(url) }),
    secrets: [SLACK_PATH],
    success: answer(200, 'ok'),
    acceptsEmpty: false,
    expected: vendorStatus,
    answers: [
      [200, 'ok\n', 'delivered'],
      [200, '{"ok":true}', 'delivered'],
      [200, '<html>Sign in</html>', 'retry'],
      [200, 'some_new_error', 'rejected'],
      [400, 'invalid_payload', 'rejected'],
      [400, 'no_text', 'rejected'],
      [400, 'too_many_attachments', 'rejected'],
      [400, 'user_not_found', 'rejected'],
      [403, 'posting_to_general_channel_denied', 'rejected'],
      [403, 'action_prohibited', 'rejected'],
      [403, 'invalid_token', 'disabled'],
      [403, 'some_new_error', 'disabled'],
      [404, 'channel_not_found', 'rejected'],
      [404, 'no_service', 'disabled'],
      [404, 'no_service_id', 'disabled'],
      [404, 'no_active_hooks', 'disabled'],
      [404, 'no_team', 'disabled'],
      [404, 'team_disabled', 'disabled'],
      [404, 'some_new_error', 'rejected'],
      [410, 'channel_is_archived', 'disabled'],
      [429, 'rate_limited', 'limited'],
      [429, 'no_service', 'limited'],
      [500, 'rollup_error', 'retry'],
      [500, 'ok', 'retry'],
      [302, 'ok', 'rejected'],
      [302, 'no_service', 'rejected'],
    ],
    checkRequest: checkSlackRequest,
  },
  {
    name: 'slack (chat.postMessage)',
    create: (url = 'https://slack.com/api/chat.postMessage') =>
      createSlackExporter({ ...slack, url: new Secret(url), token: new Secret(SLACK_TOKEN) }),
    secrets: [SLACK_TOKEN],
    success: answer(200, '{"ok":true,"channel":"C1","ts":"1503435956.000247","message":{"text":"x"}}'),
    acceptsEmpty: false,
    expected: vendorStatus,
    answers: [
      [200, '{ "channel": "C1", "ok": true }', 'delivered'],
      // Cut off while it repeats the message, as captured bytes are limited.
      [200, `{"ok":true,"channel":"C1","message":{"text":"${'x'.repeat(5000)}`, 'delivered'],
      [200, '{"ok":1}', 'retry'],
      [200, 'ok', 'retry'],
      [500, '{"ok":true}', 'retry'],
      ...slackErrors('limited', 'ratelimited rate_limited'),
      ...slackErrors('retry', 'internal_error fatal_error service_unavailable request_timeout'),
      ...slackErrors('retry', 'team_added_to_org org_login_required'),
      ...slackErrors('disabled', 'invalid_auth not_authed account_inactive token_revoked token_expired'),
      ...slackErrors('disabled', 'missing_scope no_permission not_allowed_token_type ekm_access_denied'),
      ...slackErrors(
        'rejected',
        'channel_not_found not_in_channel is_archived restricted_action_read_only_channel',
      ),
      ...slackErrors('rejected', 'restricted_action posting_to_general_channel_denied no_text msg_too_long'),
      ...slackErrors(
        'rejected',
        'msg_blocks_too_long invalid_blocks invalid_blocks_format too_many_attachments',
      ),
      ...slackErrors('rejected', 'invalid_arguments invalid_json some_new_error'),
      [503, '{"ok":false,"error":"invalid_auth"}', 'disabled'],
    ],
    checkRequest: checkSlackRequest,
  },
  {
    name: 'webhook',
    create: (url = WEBHOOK_URL) =>
      createWebhookExporter({
        url: new Secret(url),
        signingSecrets: SIGNING_SECRETS.map((secret) => new Secret(secret)),
        requestsPerSecond: 10,
      }),
    secrets: [...SIGNING_SECRETS, 'hunter2'.repeat(2), 'f00d'.repeat(6), 't0ken'.repeat(3)],
    success: answer(204, ''),
    acceptsEmpty: true,
    expected(status) {
      if (status >= 200 && status < 300) return 'delivered'
      if (status >= 300 && status < 400) return 'rejected'
      return status === 410 ? 'disabled' : status === 429 ? 'limited' : 'retry'
    },
    answers: [
      [200, 'no', 'delivered'],
      [401, '', 'retry'],
      [404, 'deploying', 'retry'],
    ],
    checkRequest: checkWebhookRequest,
  },
]

const slack = {
  username: 'Flux Deployer',
  iconEmoji: ':star-struck:',
  channels: [{ channel: '#ops', namespace: '*' }],
}

function slackErrors(kind: 'limited' | 'retry' | 'disabled' | 'rejected', codes: string) {
  return codes.split(' ').map((code) => [200, `{"ok":false,"error":"${code}"}`, kind] as const)
}

/** The default of APIs whose 4xx are final. */
function vendorStatus(status: number) {
  if (status >= 200 && status < 300) return 'delivered'
  if (status === 429) return 'limited'
  if ([401, 403, 407, 410].includes(status)) return 'disabled'
  if ([408, 423, 425].includes(status) || status < 200 || status >= 500) return 'retry'
  return 'rejected'
}

interface SlackPayload {
  readonly channel: string
  readonly text: string
  readonly attachments: readonly {
    readonly title: string
    readonly fallback: string
    readonly text: string
  }[]
}

function checkSlackRequest({ body, headers }: OutgoingRequest): void {
  expect(headers['content-type']).toBe('application/json; charset=utf-8')
  const payload = JSON.parse(body.toString()) as SlackPayload
  expect(payload.channel).toBe('#ops')
  expect(payload.attachments).toHaveLength(1)
  expect(payload.text).toMatch(/\w/)
  expect(payload.text.length).toBeLessThanOrEqual(300)
  checkEscapes(payload.text)
  for (const { fallback, text, title } of payload.attachments) {
    expect(title).not.toBe('')
    expect(title.length).toBeLessThanOrEqual(1024)
    expect(text.length).toBeLessThanOrEqual(4000)
    for (const plain of [title, fallback]) {
      expect(plain).not.toContain('\n')
      checkEscapes(plain)
    }
    checkEscapes(text.replace(/<https:\/\/github\.com\/acme\/deploy\/commit\/[0-9a-f]+\|[0-9a-zA-Z]+>/g, ''))
    // A fence that nobody closes, or backticks that are not ours, would swallow what follows.
    const outside = text.replace(/^```\n[^`]*\n```$/gm, '')
    expect(outside.replace(/`[^`\n]+`/g, '')).not.toContain('`')
  }
}

function checkEscapes(text: string): void {
  expect(text.replace(/&(amp|lt|gt);/g, '')).not.toMatch(/[&<>]/)
  expect(text.isWellFormed()).toBe(true)
  expect(text).not.toMatch(/(?!\n|\t)\p{Cc}|\u202e/u)
}

function checkWebhookRequest({ body, headers }: OutgoingRequest, notification: { payload: Buffer }): void {
  expect(headers['content-type']).toBe('application/json')
  const sent = Buffer.from(body)
  const { Event, ...summary } = JSON.parse(sent.toString()) as Record<string, string>
  expect(Object.keys(summary)).toEqual(['TitleLink', 'Body', 'Type', 'Title'])
  expect(Event).toEqual(JSON.parse(notification.payload.toString()))
  expect(sent.subarray(-notification.payload.length - 1, -1).equals(notification.payload)).toBe(true)
  expect(summary.Body?.length).toBeLessThanOrEqual(16_000)
  for (const text of Object.values(summary)) {
    expect(text.isWellFormed()).toBe(true)
    expect(text).not.toMatch(/(?!\n|\t)\p{Cc}|\u202e/u)
  }
}
