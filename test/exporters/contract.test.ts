import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Destination, Judgement, Notification, OutgoingRequest } from '../../src/exporter.ts'
import type { FluxEvent } from '../../src/flux/event.ts'
import { createRedactor } from '../../src/redact.ts'
import { Secret } from '../../src/secret.ts'
import { anyEvent } from '../support/arbitrary-event.ts'
import { counted, syncEvent } from '../support/events.ts'
import { hostileEvents } from '../support/hostile-events.ts'
import { rewrittenCharacters } from '../support/work.ts'
import { answer, notificationOf } from './contract.ts'
import { entries } from './entries.ts'

/** What every exporter promises, whatever its target; the delivery loop relies on it. */
describe.each(entries)('$name', (entry) => {
  const exporter = entry.create()
  const [destination] = exporter.destinations
  if (destination === undefined) throw new Error('an exporter under test needs a destination')
  const render = (...args: Parameters<typeof notificationOf>) =>
    exporter.render(notificationOf(...args), destination)
  const redact = createRedactor([
    render(syncEvent()).url,
    ...entry.secrets.map((secret) => new Secret(secret)),
  ])
  // As the delivery loop does: no exporter ever sees an answer that holds a secret.
  const judge = (status: number, body = '') => exporter.judge(answer(status, redact(body)))

  /** Fails when `text` holds a credential, or the secret part of the URL, in whatever escape. */
  function expectNoSecret(text: string): void {
    const url = new URL(render(syncEvent()).url.reveal())
    const isSecret = [...entry.secrets, url.password, url.search].filter((secret) => secret !== '')
    for (const secret of isSecret) {
      for (const form of [secret, encodeURIComponent(secret), secret.replaceAll('/', '\\/')]) {
        expect(text).not.toContain(form)
      }
    }
  }

  function expectSound(request: OutgoingRequest, event: FluxEvent): void {
    expect(request.url.reveal()).toBe(render(syncEvent()).url.reveal())
    entry.checkRequest(request, notificationOf(event))
    for (const [name, value] of Object.entries(request.headers)) {
      expect(name).toMatch(/^[a-z-]+$/)
      expect(value).toMatch(/^[\u0020-\u007e]+$/)
    }
    expectNoSecret(request.body.toString())
  }

  function workOf(notification: Notification): number {
    return rewrittenCharacters(() => void exporter.render(notification, destination as Destination))
  }

  describe('destinations', () => {
    test('have keys of their own that begin with the name of the exporter and hold no secret', () => {
      const keys = exporter.destinations.map(({ key }) => key)
      expect(new Set(keys).size).toBe(keys.length)
      for (const { key, name } of exporter.destinations) {
        expect(key === exporter.name || key.startsWith(`${exporter.name}:`)).toBe(true)
        expectNoSecret(key + name)
      }
    })

    test('are what an event is routed to; when there is none, the rule is named', () => {
      fc.assert(
        fc.property(anyEvent, (event) => {
          const route = exporter.route(event)
          expect(new Set(route.destinations).size).toBe(route.destinations.length)
          for (const destination of route.destinations) expect(exporter.destinations).toContain(destination)
          if ('suppressed' in route) expect(route.suppressed).toMatch(/\w/)
          else expect(route.destinations).not.toHaveLength(0)
        }),
      )
    })
  })

  test('the policy retries with growing delays that end before the delivery expires', () => {
    const { captureBytes, expireAfterMs, pace, retryDelaysMs } = exporter.policy
    expect(retryDelaysMs.length).toBeGreaterThan(0)
    expect(retryDelaysMs.toSorted((one, other) => one - other)).toEqual(retryDelaysMs)
    expect(retryDelaysMs.reduce((sum, delay) => sum + delay)).toBeLessThan(expireAfterMs)
    expect(pace.perSecond).toBeGreaterThan(0)
    expect(pace.burst).toBeGreaterThanOrEqual(1)
    expect(captureBytes).toBeGreaterThanOrEqual(1024)
  })

  describe('an answer', () => {
    test('of success is success', () => {
      expect(exporter.judge(entry.success)).toEqual({ kind: 'delivered' })
    })

    test('without a telling body is judged by its status, every one from 100 to 599', () => {
      const bodies = ['', '<html><body>502 Bad Gateway</body></html>', '{}', '\u0000']
      for (let status = 100; status <= 599; status++) {
        for (const body of bodies) {
          const expected = entry.expected(status)
          const { kind } = judge(status, body)
          // Behind a 2xx a body that is not the target's own must not count where the target always sends one.
          if (expected === 'delivered' && !entry.acceptsEmpty)
            expect([status, kind]).toEqual([status, 'retry'])
          else expect([status, kind]).toEqual([status, expected])
        }
      }
    })

    test.each(entry.answers)('%i %s: %s', (status, body, kind) => {
      expect(judge(status, body).kind).toBe(kind)
    })

    test('that failed has a short, printable reason that names the status and no secret', () => {
      const url = render(syncEvent()).url.reveal()
      const { pathname, search } = new URL(url)
      const echoes = [url, pathname + search, ...entry.secrets].flatMap((secret) => [
        `cannot POST ${secret}`,
        JSON.stringify({ error: secret }).replaceAll('/', '\\/'),
        `<p>${secret.replaceAll('&', '&amp;')}</p> ${encodeURIComponent(secret)}`,
      ])
      const bodies = [
        '',
        'x'.repeat(exporter.policy.captureBytes),
        '\u001b[31m\u0000\r\n\ud83d\u202e',
        '{"ok":false,"error":"'.padEnd(16_384, 'a'),
        ...echoes,
      ]
      for (const status of [200, 301, 400, 401, 404, 410, 429, 500, 502]) {
        for (const body of bodies) {
          const judgement: Judgement = judge(status, body)
          if (judgement.kind === 'delivered') continue
          expect(judgement.reason).toContain(String(status))
          expect(judgement.reason.length).toBeLessThanOrEqual(250)
          expect(judgement.reason.isWellFormed()).toBe(true)
          expect(judgement.reason).not.toMatch(/\p{Cc}|\u202e/u)
          expectNoSecret(judgement.reason)
        }
      }
    })

    test('of any kind is judged', () => {
      fc.assert(
        fc.property(fc.integer({ min: 100, max: 599 }), fc.oneof(fc.string(), fc.json()), (status, body) => {
          expect(judge(status, body).kind).toMatch(/^(delivered|retry|limited|rejected|disabled)$/)
        }),
      )
    })
  })

  describe('a request', () => {
    test.each([...hostileEvents])('about %s is within the limits, and nothing in it acts', (_, event) => {
      expectSound(render(event), event)
    })

    test('about any event is within the limits, and nothing in it acts', () => {
      fc.assert(fc.property(anyEvent, (event) => expectSound(render(event), event)))
    })

    test('is the same for the same attempt, and goes where the configuration says', () => {
      const event = syncEvent(['default:deployment/api'])
      expect(render(event)).toEqual(render(event))
      expect(
        entry.create('http://127.0.0.1:1/x').render(notificationOf(event), destination).url.reveal(),
      ).toBe('http://127.0.0.1:1/x')
    })

    test('costs no more work for a message that is cut than for one that fills it', () => {
      const filling = workOf(notificationOf(sized(50_000)))
      expect(filling).toBeGreaterThan(0)
      expect(workOf(notificationOf(sized(1_000_000)))).toBeLessThanOrEqual(1.01 * filling)
    })
  })
})

/** An event of which each text is `size` characters long, and more than any target shows. */
function sized(size: number): FluxEvent {
  const commits = Array.from({ length: 100 }, () => ({ revision: 'a1b2c3d', message: '&'.repeat(size) }))
  return syncEvent(['x'.repeat(size)], {
    commits: counted(...commits),
    errors: counted({ id: 'a', path: 'b', error: '<'.repeat(size) }),
  })
}
