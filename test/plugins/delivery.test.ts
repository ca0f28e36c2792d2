import { describe, expect, it, vi } from 'vitest'
import { defaultTimeouts, type Timeouts } from '../../plugins/delivery.ts'
import { runApp, syncEvent } from '../support/app.ts'
import { fakeClock } from '../support/fake-clock.ts'
import {
  answer,
  hang,
  hugeBody,
  inTurn,
  reset,
  slowBody,
  targetServer,
  type Behaviour,
} from '../support/target-server.ts'
import { tempDir } from '../support/temp-dir.ts'
import { eventually } from '../support/eventually.ts'

/** Short enough to be waited for; what they do is the same. */
const short: Timeouts = { ...defaultTimeouts, headers: 150, body: 150, total: 400, drain: 50 }

async function webhookTo(behaviour: Behaviour, env: Record<string, string> = {}) {
  const clock = fakeClock()
  const target = await targetServer(behaviour)
  const running = await runApp(
    { EXPORTER_TYPE: 'webhook', WEBHOOK_URL: target.url, WEBHOOK_RATE: '1000', ...env },
    { clock, timeouts: short, random: () => 0.5 },
  )
  const log = (): string => JSON.stringify(running.log)
  return { ...running, clock, target, allLogged: log }
}

describe('delivery over the network', () => {
  it.each<[string, Behaviour, string]>([
    ['refuses the connection half-way', reset, 'ECONNRESET'],
    ['never answers', hang, 'no answer within'],
    ['answers with an error page', answer(502, '<html>Bad Gateway</html>'), '502'],
    ['answers 500 and ten megabytes', hugeBody(500, 10_000_000), '500'],
  ])('tries again, under the same id, when the target %s', async (_name, bad, reason) => {
    const { post, target, clock, logged } = await webhookTo(inTurn(bad, answer(200)))
    await post(syncEvent())
    const retry = await logged('not delivered yet: will be tried again')
    expect(retry['reason']).toContain(reason)
    clock.advance(5000)
    expect(await logged('delivered')).toMatchObject({ delivery: retry['delivery'], attempt: 2 })
    expect(new Set(target.requests.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
  })

  it('takes a good status for delivered although the body never ends', async () => {
    const { post, logged } = await webhookTo(slowBody)
    await post(syncEvent())
    await logged('delivered')
  })

  it('waits as long as it is told to, for as many answers as it takes', async () => {
    const limited = answer(429, '', { 'retry-after': '120' })
    const { post, target, clock, logged } = await webhookTo(inTurn(limited, limited, answer(200)))
    await post(syncEvent())
    await logged('not delivered yet: the target asks for patience')
    clock.advance(119_000)
    await post(syncEvent())
    expect(target.requests).toHaveLength(1)
    clock.advance(1000)
    await eventually(() => expect(target.requests).toHaveLength(2))
    await eventually(() => {
      clock.advance(120_000)
      expect(target.requests).toHaveLength(4)
    })
  })

  it('never follows a redirect, which could carry the event anywhere', async () => {
    const elsewhere = await targetServer(answer(200))
    const { post, logged } = await webhookTo(answer(302, '', { location: elsewhere.url }))
    await post(syncEvent())
    expect(await logged('not delivered: dead letter')).toMatchObject({ status: 302 })
    expect(elsewhere.requests).toHaveLength(0)
  })

  it('keeps an answer that repeats the request free of our secrets, in the log and in the store', async () => {
    const { post, logged, app, target, allLogged } = await webhookTo((response, { path }) => {
      response.writeHead(302).end(`Cannot POST ${path} with ${JSON.stringify({ path })}`)
    })
    const settle = vi.spyOn(app.store, 'settle')
    await post(syncEvent())
    await logged('not delivered: dead letter')
    expect(target.requests[0]?.path).toContain('secret-path-42')
    expect(JSON.stringify(settle.mock.calls)).toContain('Cannot POST')
    expect(JSON.stringify(settle.mock.calls)).not.toContain('secret-path-42')
    expect(allLogged()).not.toContain('secret-path-42')
  })

  it('keeps no more of an answer than it needs', async () => {
    const { post, logged, app } = await webhookTo(hugeBody(410, 1_000_000))
    const settle = vi.spyOn(app.store, 'settle')
    await post(syncEvent())
    await logged('not delivered: dead letter')
    expect(settle.mock.calls[0]?.[1].answer.body.length).toBe(16 * 1024)
  })

  it('sends user and password of a URL as Basic authentication, and never shows them', async () => {
    const target = await targetServer(answer(200))
    const url = target.url.replace('http://', 'http://us%40er:pass-w%C3%B6rd-1234@')
    const { post, logged, log } = await runApp({ EXPORTER_TYPE: 'webhook', WEBHOOK_URL: url })
    await post(syncEvent())
    await logged('delivered')
    const expected = `Basic ${Buffer.from('us@er:pass-wörd-1234').toString('base64')}`
    expect(target.requests[0]?.headers.authorization).toBe(expected)
    expect(JSON.stringify(log)).not.toContain('pass-w')
  })

  it('starts again after a stop where it left off, without repeating what had arrived', async () => {
    const dir = tempDir()
    const target = await targetServer(inTurn(answer(200), hang, answer(200)))
    const env = { EXPORTER_TYPE: 'webhook', WEBHOOK_URL: target.url, DATA_DIR: dir, WEBHOOK_RATE: '1000' }
    const first = await runApp(env, { timeouts: { ...defaultTimeouts, drain: 20 } })
    await first.post(syncEvent())
    await first.post(syncEvent())
    await eventually(() => expect(target.requests).toHaveLength(2))
    await first.app.close()
    const second = await runApp(env)
    await second.logged('delivered')
    const ids = target.requests.map(({ headers }) => headers['webhook-id'])
    expect(ids).toHaveLength(3)
    expect(ids[2]).toBe(ids[1])
    expect(ids[1]).not.toBe(ids[0])
  })

  it('tells of deliveries that nobody is configured for any more', async () => {
    const dir = tempDir()
    const target = await targetServer(hang)
    const first = await runApp({ EXPORTER_TYPE: 'webhook', WEBHOOK_URL: target.url, DATA_DIR: dir })
    await first.post(syncEvent())
    await first.app.close()
    const second = await runApp({ SLACK_URL: target.url, SLACK_CHANNEL: '#a', DATA_DIR: dir })
    const line = await second.logged(
      'deliveries wait for a destination that is no longer configured; they expire unless it returns',
    )
    expect(line).toMatchObject({ destination: 'webhook', waiting: 1 })
  })
})

describe('isolation of targets', () => {
  it.each<[string, Behaviour]>([
    ['hangs', hang],
    ['answers 500 for ever', answer(500)],
    ['floods us with 429', answer(429, '', { 'retry-after': '1' })],
    ['resets every connection', reset],
  ])('one that %s changes nothing for events and for the other', async (_name, bad) => {
    const broken = await targetServer(bad)
    const healthy = await targetServer(answer(200))
    const { post, app } = await runApp({
      EXPORTER_TYPE: 'slack,webhook',
      SLACK_URL: broken.url,
      SLACK_CHANNEL: '#a',
      WEBHOOK_URL: healthy.url,
      WEBHOOK_RATE: '1000',
    })
    for (let i = 0; i < 100; i++) expect(await post(syncEvent())).toBe(200)
    await eventually(() => expect(healthy.requests).toHaveLength(100))
    // Nothing of it is lost for the broken one either.
    expect(app.store.backlog()).toContainEqual(
      expect.objectContaining({ destination: 'slack:#a', waiting: 100 }),
    )
    expect(broken.requests.length).toBeLessThanOrEqual(3)
  })
})
