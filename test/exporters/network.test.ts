import Fastify from 'fastify'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import delivery, { defaultTimeouts } from '../../plugins/delivery.ts'
import eventReader from '../../plugins/event-reader.ts'
import exporters from '../../plugins/exporters.ts'
import metrics from '../../plugins/metrics.ts'
import store from '../../plugins/store.ts'
import { loggerOptions } from '../../src/logger.ts'
import { createRedactor } from '../../src/redact.ts'
import { Secret } from '../../src/secret.ts'
import type { Settlement } from '../../src/store/store.ts'
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
import type { ContractEntry } from './contract.ts'
import { entries } from './entries.ts'

const SECOND = 1000

/** One exporter of the contract in the real delivery loop, against a real server; its time stands still. */
async function delivering(entry: ContractEntry, behaviour: Behaviour) {
  const clock = fakeClock()
  const target = await targetServer(behaviour)
  // The exporter's real path counts as a secret too, so the server can be made to repeat it.
  const exporter = entry.create(target.url)
  const log: string[] = []
  const redact = createRedactor([target.url, ...entry.secrets].map((value) => new Secret(value)))
  const app = Fastify({ logger: loggerOptions('debug', redact, { write: (line) => void log.push(line) }) })
  await app.register(metrics)
  await app.register(store, {
    dataDir: tempDir(),
    duplicateWindowMs: 1000,
    retention: { maxAgeMs: 1e12, maxBytes: 1e12 },
    clock,
  })
  await app.register(eventReader, { clock })
  await app.register(exporters)
  app.exporters.add(exporter)
  const timeouts = { ...defaultTimeouts, headers: 200, body: 200, total: 400, drain: 20 }
  const links = { repository: '', style: 'auto' } as const
  await app.register(delivery, { clock, random: () => 0.5, links, redact, timeouts })
  const settlements: Settlement[] = []
  const settle = app.store.settle.bind(app.store)
  vi.spyOn(app.store, 'settle').mockImplementation(async (delivery, settlement) => {
    await settle(delivery, settlement)
    settlements.push(settlement)
  })
  await app.ready()
  onTestFinished(() => app.close())
  const [destination] = exporter.destinations
  if (destination === undefined) throw new Error('an exporter under test needs a destination')
  await app.store.accept({
    receivedAt: clock.now(),
    cluster: 'prod',
    type: 'sync',
    fingerprint: Buffer.alloc(16),
    duplicatesSince: 0,
    payload: { encoding: 'json', data: Buffer.from('{"type":"sync","serviceIDs":["a:b/c"]}') },
    deliveries: [{ destination: destination.key, expiresAt: clock.now() + 1e9 }],
  })
  app.delivery.wake([destination.key])
  return {
    clock,
    target,
    settlements,
    settled: (count: number) => vi.waitFor(() => expect(settlements).toHaveLength(count), 5000),
    everythingSaid: async () => {
      const scraped = await app.inject('/metrics')
      return [...log, scraped.body, JSON.stringify(settlements)].join('\n')
    },
  }
}

describe.each(entries)('$name over the network', (entry) => {
  const good = answer(entry.success.status, entry.success.body)

  test('is delivered with one request', async () => {
    const { settled, settlements, target } = await delivering(entry, good)
    await settled(1)
    expect(settlements[0]).toMatchObject({ state: 'delivered', answer: { status: entry.success.status } })
    expect(target.requests).toHaveLength(1)
  })

  test.each<[string, Behaviour]>([
    ['a connection that is reset', reset],
    ['headers that never come', hang],
    ['an error page', answer(502, '<html>Bad Gateway</html>')],
    ['ten megabytes of an error', hugeBody(500, 10_000_000)],
  ])('survives %s, and is delivered by the next attempt', async (_name, bad) => {
    const { settled, settlements, target, clock } = await delivering(entry, inTurn(bad, good))
    await settled(1)
    expect(settlements[0]).toMatchObject({ state: 'waiting', failures: 1 })
    clock.advance(30 * SECOND)
    await settled(2)
    expect(settlements[1]).toMatchObject({ state: 'delivered' })
    expect(target.requests).toHaveLength(2)
  })

  test('judges a body that never ends by what there is of it', async () => {
    const { settled, settlements } = await delivering(entry, slowBody)
    await settled(1)
    expect(settlements[0]?.state).toBe(entry.acceptsEmpty ? 'delivered' : 'waiting')
  })

  test.each([
    ['seconds', '7', 7],
    ['decimals', '7.5', 7.5],
    ['a date', 'Thu, 01 Jan 2026 00:00:09 GMT', 9],
    ['too long', '999999', 3600],
  ])('rests as long as Retry-After says, in %s', async (_name, value, seconds) => {
    const limited = answer(429, '', { 'retry-after': value })
    const { settled, target, clock } = await delivering(entry, inTurn(limited, good))
    await settled(1)
    clock.advance(seconds * SECOND - 1)
    expect(target.requests).toHaveLength(1)
    clock.advance(1)
    await settled(2)
  })

  test('keeps its secrets when the server repeats the whole request', async () => {
    const { settled, everythingSaid, target } = await delivering(
      entry,
      (response, { path, headers, body }) => {
        const echo = JSON.stringify({ path, headers, body, secrets: entry.secrets })
        response.writeHead(404, { 'content-type': 'text/html' }).end(`<p>cannot POST ${path}</p>${echo}`)
      },
    )
    await settled(1)
    const said = await everythingSaid()
    expect(said).toContain('cannot POST ***')
    for (const secret of [new URL(target.url).pathname, ...entry.secrets]) expect(said).not.toContain(secret)
  })
})
