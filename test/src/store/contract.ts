import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  STEP_ASIDE_AFTER,
  type Acceptance,
  type Answer,
  type Delivery,
  type NewEvent,
  type Store,
} from '../../../src/store/store.ts'

/** One store on disk, opened and reopened at will; the engine's test cleans up after itself. */
export interface StoreUnderTest {
  open(): Promise<Store>
  /** What a kill -9 leaves behind: the store is dropped without a word. */
  crash(): Promise<Store>
}

const NOW = Date.UTC(2026, 0, 1)
const LEASE = 60_000
const ANSWER: Answer = { status: 200, reason: '', body: 'ok' }
const SICK: Answer = { status: 500, reason: 'HTTP 500', body: 'sorry' }

function newEvent(overrides: Partial<NewEvent> & { to?: string[] } = {}): NewEvent {
  const { to = ['webhook'], ...rest } = overrides
  return {
    receivedAt: NOW,
    cluster: 'prod',
    type: 'sync',
    fingerprint: randomBytes(16),
    duplicatesSince: NOW - 1000,
    payload: { encoding: 'json', data: Buffer.from('{"type":"sync"}') },
    deliveries: to.map((destination) => ({ destination, expiresAt: NOW + 1_000_000 })),
    ...rest,
  }
}

async function claimed(store: Store, destination = 'webhook', now = NOW): Promise<Delivery> {
  const claim = await store.claim(destination, now, LEASE)
  if (claim.kind !== 'delivery') throw new Error(`expected a delivery, but the store is ${claim.kind}`)
  return claim.delivery
}

/** What every store must do, whatever its engine. */
export function storeContract(engine: string, create: () => StoreUnderTest): void {
  describe(`the store on ${engine}`, () => {
    it('gives back what was accepted, byte for byte', async () => {
      const store = await create().open()
      const data = Buffer.from('{"type":"sync","x":"ü\\u0000"}')
      const { eventId } = await store.accept(newEvent({ payload: { encoding: 'json', data } }))
      const delivery = await claimed(store)
      expect(delivery).toMatchObject({ eventId, cluster: 'prod', receivedAt: NOW, attempt: 1, failures: 0 })
      expect(Buffer.from(delivery.payload.data)).toEqual(data)
    })

    it('keeps what was accepted through a crash', async () => {
      const subject = create()
      const first = await subject.open()
      const { eventId } = await first.accept(newEvent())
      const store = await subject.crash()
      expect((await claimed(store)).eventId).toBe(eventId)
    })

    it('returns what was under way in a crash, with the same delivery id', async () => {
      const subject = create()
      const first = await subject.open()
      await first.accept(newEvent())
      const before = await claimed(first)
      const after = await claimed(await subject.crash())
      expect(after.id).toBe(before.id)
      expect(after.attempt).toBe(2)
    })

    it('never gives out again what was settled, crash or not', async () => {
      const subject = create()
      const first = await subject.open()
      await first.accept(newEvent())
      await first.settle(await claimed(first), { state: 'delivered', at: NOW, answer: ANSWER })
      expect((await first.claim('webhook', NOW, LEASE)).kind).toBe('idle')
      const store = await subject.crash()
      expect((await store.claim('webhook', NOW + 1e9, LEASE)).kind).toBe('idle')
    })

    it('recognises an event that says the same within the window, and only there', async () => {
      const store = await create().open()
      const fingerprint = randomBytes(16)
      const first = await store.accept(newEvent({ fingerprint }))
      expect(await store.accept(newEvent({ fingerprint }))).toEqual({
        kind: 'duplicate',
        eventId: first.eventId,
      })
      const later = await store.accept(newEvent({ fingerprint, duplicatesSince: NOW + 1 }))
      expect(later.kind).toBe('accepted')
    })

    it('recognises duplicates that arrive in the same turn, hence the same commit', async () => {
      const store = await create().open()
      const fingerprint = randomBytes(16)
      const answers = await Promise.all([1, 2, 3].map(() => store.accept(newEvent({ fingerprint }))))
      expect(answers.map(({ kind }) => kind)).toEqual(['accepted', 'duplicate', 'duplicate'])
      expect(store.backlog()).toMatchObject([{ destination: 'webhook', waiting: 1 }])
    })

    it('still recognises a duplicate after thousands of other events, and after a crash', async () => {
      const subject = create()
      const store = await subject.open()
      const fingerprint = randomBytes(16)
      await store.accept(newEvent({ fingerprint }))
      for (let i = 0; i < 60; i++)
        await Promise.all(Array.from({ length: 100 }, () => store.accept(newEvent())))
      expect((await store.accept(newEvent({ fingerprint }))).kind).toBe('duplicate')
      const last = randomBytes(16)
      await store.accept(newEvent({ fingerprint: last }))
      const reopened = await subject.crash()
      for (const known of [fingerprint, last]) {
        expect((await reopened.accept(newEvent({ fingerprint: known }))).kind).toBe('duplicate')
      }
    })

    it('gives a destination its deliveries in the order of acceptance, one at a time', async () => {
      const store = await create().open()
      const accepted: Acceptance[] = []
      for (let i = 0; i < 3; i++) accepted.push(await store.accept(newEvent()))
      for (const { eventId } of accepted) {
        const delivery = await claimed(store)
        expect(delivery.eventId).toBe(eventId)
        expect(await store.claim('webhook', NOW, LEASE)).toEqual({ kind: 'blocked', until: NOW + LEASE })
        await store.settle(delivery, { state: 'delivered', at: NOW, answer: ANSWER })
      }
    })

    it('holds the others back while the first waits for its retry', async () => {
      const store = await create().open()
      await store.accept(newEvent())
      await store.accept(newEvent())
      await store.settle(await claimed(store), {
        state: 'waiting',
        dueAt: NOW + 5000,
        failures: 1,
        answer: SICK,
      })
      expect(await store.claim('webhook', NOW, LEASE)).toEqual({ kind: 'blocked', until: NOW + 5000 })
      expect((await claimed(store, 'webhook', NOW + 5000)).failures).toBe(1)
    })

    it('lets the others pass one that keeps failing by itself', async () => {
      const store = await create().open()
      await store.accept(newEvent())
      const second = await store.accept(newEvent())
      const dueAt = NOW + 60_000
      await store.settle(await claimed(store), {
        state: 'waiting',
        dueAt,
        failures: STEP_ASIDE_AFTER,
        answer: SICK,
      })
      const passing = await claimed(store)
      expect(passing.eventId).toBe(second.eventId)
      await store.settle(passing, { state: 'delivered', at: NOW, answer: ANSWER })
      expect(await store.claim('webhook', NOW, LEASE)).toEqual({ kind: 'idle', until: dueAt })
      expect((await claimed(store, 'webhook', dueAt)).attempt).toBe(2)
    })

    it('keeps destinations apart', async () => {
      const store = await create().open()
      await store.accept(newEvent({ to: ['slack:#a', 'webhook'] }))
      const slack = await claimed(store, 'slack:#a')
      await store.settle(slack, { state: 'dead', at: NOW, answer: SICK })
      const webhook = await claimed(store, 'webhook')
      expect(webhook.eventId).toBe(slack.eventId)
      expect(webhook.id).not.toBe(slack.id)
    })

    it('makes what waits for a retry due at once when told that the target is back', async () => {
      const store = await create().open()
      await store.accept(newEvent())
      await store.settle(await claimed(store), {
        state: 'waiting',
        dueAt: NOW + 1e7,
        failures: 1,
        answer: SICK,
      })
      await store.hasten('webhook', NOW)
      expect((await claimed(store)).attempt).toBe(2)
    })

    it("remembers a destination's wish to be left alone through a crash", async () => {
      const subject = create()
      const first = await subject.open()
      await first.accept(newEvent())
      await first.settle(await claimed(first), {
        state: 'waiting',
        dueAt: NOW + 3_600_000,
        failures: 0,
        answer: SICK,
        pauseUntil: NOW + 3_600_000,
      })
      expect(first.pausedUntil('webhook')).toBe(NOW + 3_600_000)
      expect((await subject.crash()).pausedUntil('webhook')).toBe(NOW + 3_600_000)
    })

    it('turns what is past its expiry into dead letters, but not what is under way', async () => {
      const store = await create().open()
      const expiresAt = NOW + 10
      const { eventId } = await store.accept(newEvent({ deliveries: [{ destination: 'a', expiresAt }] }))
      await store.accept(newEvent({ deliveries: [{ destination: 'b', expiresAt }] }))
      const underWay = await claimed(store, 'b')
      expect(await store.expire(NOW + 9)).toEqual([])
      expect(await store.expire(NOW + 10)).toMatchObject([{ eventId, destination: 'a' }])
      expect((await store.claim('a', NOW + 10, LEASE)).kind).toBe('idle')
      await store.settle(underWay, { state: 'delivered', at: NOW, answer: ANSWER })
      expect(store.backlog().map(({ waiting }) => waiting)).toEqual([0, 0])
    })

    it('either delivers or expires a delivery, when both are asked for in one turn', async () => {
      const store = await create().open()
      const deliveries = [{ destination: 'webhook', expiresAt: NOW + 10 }]
      for (const order of ['claim first', 'expire first']) {
        await store.accept(newEvent({ deliveries }))
        const calls = [() => store.claim('webhook', NOW + 10, LEASE), () => store.expire(NOW + 10)] as const
        const [claim, expired] =
          order === 'claim first'
            ? await Promise.all([calls[0](), calls[1]()])
            : await Promise.all([calls[1](), calls[0]()]).then(([e, c]) => [c, e] as const)
        expect([order, (claim.kind === 'delivery' ? 1 : 0) + expired.length]).toEqual([order, 1])
        if (claim.kind === 'delivery') {
          await store.settle(claim.delivery, { state: 'delivered', at: NOW, answer: ANSWER })
        }
        expect(store.backlog()).toMatchObject([{ waiting: 0 }])
      }
    })

    it('keeps a suppressed delivery on record without ever giving it out', async () => {
      const store = await create().open()
      const deliveries = [{ destination: 'slack', expiresAt: NOW + 10, suppressed: 'no channel' }]
      await store.accept(newEvent({ deliveries }))
      expect((await store.claim('slack', NOW, LEASE)).kind).toBe('idle')
      expect(store.backlog()).toMatchObject([{ destination: 'slack', waiting: 0 }])
    })

    it('knows how much waits and since when, after a crash too', async () => {
      const subject = create()
      const first = await subject.open()
      await first.accept(newEvent({ receivedAt: NOW - 500 }))
      await first.accept(newEvent())
      const expected = [{ destination: 'webhook', waiting: 2, oldestReceivedAt: NOW - 500 }]
      expect(first.backlog()).toEqual(expected)
      expect((await subject.crash()).backlog()).toEqual(expected)
    })

    it('forgets events that are too old, but none that still has to be delivered', async () => {
      const store = await create().open()
      const fingerprint = randomBytes(16)
      await store.accept(newEvent({ fingerprint }))
      const retention = { maxAgeMs: 1000, maxBytes: 1e9 }
      while (await store.prune(NOW + 5000, retention));
      expect((await store.accept(newEvent({ fingerprint }))).kind).toBe('duplicate')
      await store.settle(await claimed(store), { state: 'delivered', at: NOW, answer: ANSWER })
      while (await store.prune(NOW + 5000, retention));
      expect((await store.accept(newEvent({ fingerprint }))).kind).toBe('accepted')
    })

    it('forgets the oldest finished events first when it grows too large', async () => {
      const store = await create().open()
      const fingerprints: Buffer[] = []
      for (let i = 0; i < 40; i++) {
        const fingerprint = randomBytes(16)
        fingerprints.push(fingerprint)
        await store.accept(
          newEvent({ fingerprint, payload: { encoding: 'json', data: Buffer.alloc(100_000, 'x') } }),
        )
        await store.settle(await claimed(store), { state: 'delivered', at: NOW, answer: ANSWER })
      }
      while (await store.prune(NOW, { maxAgeMs: 1e9, maxBytes: 2_000_000 }));
      const kinds: string[] = []
      for (const fingerprint of [fingerprints.at(0), fingerprints.at(-1)]) {
        kinds.push((await store.accept(newEvent({ fingerprint: fingerprint! }))).kind)
      }
      expect(kinds).toEqual(['accepted', 'duplicate'])
    })

    it('commits what is queued when it closes, and refuses what comes later', async () => {
      const subject = create()
      const store = await subject.open()
      const accepted = store.accept(newEvent())
      await store.close()
      await expect(accepted).resolves.toMatchObject({ kind: 'accepted' })
      await expect(store.accept(newEvent())).rejects.toThrow('closed')
      expect((await subject.open()).backlog()).toMatchObject([{ waiting: 1 }])
    })

    it('gives ids that no other store gives, and never one twice', async () => {
      const ids = new Set<string>()
      for (let i = 0; i < 3; i++) {
        const store = await create().open()
        for (let j = 0; j < 3; j++) {
          await store.accept(newEvent())
          const delivery = await claimed(store)
          ids.add(delivery.id)
          await store.settle(delivery, { state: 'delivered', at: NOW, answer: ANSWER })
          while (await store.prune(NOW + 1e9, { maxAgeMs: 0, maxBytes: 0 }));
        }
      }
      expect(ids.size).toBe(9)
    })

    it('can say whether it is writable', async () => {
      const store = await create().open()
      await expect(store.check()).resolves.toBeUndefined()
    })
  })
}
