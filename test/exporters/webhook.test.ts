import { Webhook } from 'standardwebhooks'
import { describe, expect, test } from 'vitest'
import { createWebhookExporter } from '../../exporters/webhook.ts'
import { sign } from '../../src/delivery/sign.ts'
import { Secret } from '../../src/secret.ts'
import { releaseEvent, syncEvent } from '../support/events.ts'
import { notificationOf } from './contract.ts'

// The example secrets of the specification's libraries, put together here for the sake of those who scan for secrets.
const FIRST = ['whsec', 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'].join('_')
const SECOND = ['whsec', 'MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY='].join('_')

function webhook(secrets: readonly string[] = [], requestsPerSecond = 10) {
  return createWebhookExporter({
    url: new Secret('https://example.com/flux'),
    signingSecrets: secrets.map((secret) => new Secret(secret)),
    requestsPerSecond,
  })
}

function request(exporter = webhook(), fields: Parameters<typeof notificationOf>[1] = {}) {
  const [destination] = exporter.destinations
  if (destination === undefined) throw new Error('no destination')
  const { body, headers } = exporter.render(notificationOf(syncEvent(), fields), destination)
  return { body: Buffer.from(body), headers }
}

describe('the body', () => {
  test('is the format of the original', () => {
    const exporter = webhook()
    const [destination] = exporter.destinations
    const event = releaseEvent(['a:b/c'], { images: { items: ['x:2'], total: 1 } })
    const { body } = exporter.render(notificationOf(event), destination as NonNullable<typeof destination>)
    expect(JSON.parse(body.toString())).toEqual({
      TitleLink: 'https://github.com/acme/deploy/commit/a1b2c3d4e5f60718293a4b5c6d7e8f9001122334',
      Body: 'Workload: a:b/c',
      Type: 'release',
      Title: '[prod-eu] Released x:2 to a:b/c',
      Event: { type: 'sync', id: 0 },
    })
  })

  test('holds the event byte for byte as Flux sent it', () => {
    const payload = Buffer.from('{ "id" : 12345678901234567890, "b":1,"a":1.0,\n"x":"\\u003c\u00e9😀" }\n')
    const { body } = request(webhook(), { payload })
    expect(body.includes(Buffer.concat([Buffer.from('"Event":'), payload, Buffer.from('}')]))).toBe(true)
  })

  test('holds an event of the largest size', () => {
    const payload = Buffer.from(`{"message":"${'x'.repeat(16 * 1024 * 1024)}"}`)
    expect(request(webhook(), { payload }).body.length).toBeLessThan(payload.length + 1000)
  })
})

describe('the signature', () => {
  const ID = 'msg_p5jXN8AQM9LWM0D4loKWxJek'
  const DEPLOYMENT =
    '{"type":"deployment.succeeded","timestamp":"2026-11-22T14:24:00Z","data":{"service":"api"}}'

  test.each([
    [FIRST, ID, '{"test": 2432232314}', 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='],
    [FIRST, 'evt_01JD', DEPLOYMENT, 'v1,JXfpUZ5IwdS0uErcNzoj7doHBrKYlrEeA1QuRC/ZhKQ='],
    [SECOND, 'evt_01JD', DEPLOYMENT, 'v1,p4LSMJUUHoWy3ceiU+IQypDA6YXzwll1NtvNRSTyH7o='],
  ])('is that of the published example %#', (secret, id, body, signature) => {
    expect(sign(new Secret(secret), id, '1614265330', Buffer.from(body))).toBe(signature)
  })

  test.each([FIRST, SECOND])(
    'is accepted by the reference library, with the new secret and the old',
    (secret) => {
      const attemptedAt = Date.now()
      const { body, headers } = request(webhook([FIRST, SECOND]), { attemptedAt })
      expect(headers['webhook-signature']?.split(' ')).toHaveLength(2)
      expect(new Webhook(secret).verify(body, headers)).toHaveProperty('Event')
      expect(() => new Webhook(secret).verify(`${body.toString()} `, headers)).toThrow(/signature/i)
    },
  )

  test('begins with the newest secret', () => {
    const { body, headers } = request(webhook([FIRST, SECOND]))
    expect(headers['webhook-signature']?.split(' ')[0]).toBe(
      sign(new Secret(FIRST), 'evt-01JD-slack', '1614265330', body),
    )
  })

  test('is left out without a secret', () => {
    expect(request().headers).toEqual({
      'content-type': 'application/json',
      'user-agent': 'fluxcloud',
      'webhook-id': 'evt-01JD-slack',
      'webhook-timestamp': '1614265330',
    })
  })

  test('is of the attempt, under the id of the delivery', () => {
    const exporter = webhook([FIRST])
    const first = request(exporter).headers
    const later = request(exporter, { attemptedAt: 1_614_265_331_000 }).headers
    expect(later['webhook-id']).toBe(first['webhook-id'])
    expect(later['webhook-timestamp']).toBe('1614265331')
    expect(later['webhook-signature']).not.toBe(first['webhook-signature'])
  })
})

test.each([
  [10, { perSecond: 10, burst: 10 }],
  [0.5, { perSecond: 0.5, burst: 1 }],
])('the pace of %d requests per second', (requestsPerSecond, pace) => {
  expect(webhook([], requestsPerSecond).policy.pace).toEqual(pace)
})
