import { randomBytes } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { Lane, type AttemptReport } from '../../../src/delivery/lane.ts'
import type { SendResult } from '../../../src/delivery/send.ts'
import type { Destination, Exporter, Judgement } from '../../../src/exporter.ts'
import { openSqliteStore } from '../../../src/store/sqlite-store.ts'
import type { Delivery, Store } from '../../../src/store/store.ts'
import { fakeClock, type FakeClock } from '../../support/fake-clock.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { eventually } from '../../support/eventually.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND

/** What the target answers, in turn; the last answer stays. */
type Script = readonly (SendResult | Error)[]

const status = (status: number, retryAfterMs?: number): SendResult => ({
  kind: 'answered',
  response: { status, headers: {}, body: `answer ${status}` },
  retryAfterMs,
})

const byStatus = ({ status }: { status: number }): Judgement => {
  if (status === 200) return { kind: 'delivered' }
  if (status === 429) return { kind: 'limited', reason: 'HTTP 429' }
  if (status === 410) return { kind: 'disabled', reason: 'HTTP 410' }
  return status >= 500
    ? { kind: 'retry', reason: `HTTP ${status}` }
    : { kind: 'rejected', reason: `HTTP ${status}` }
}

interface Rig {
  readonly clock: FakeClock
  readonly store: Store
  readonly lane: Lane
  readonly sent: { id: string; at: number }[]
  readonly reports: AttemptReport[]
  readonly storeErrors: unknown[]
  accept(count?: number): Promise<string[]>
  /** Waits, in real time, until the lane has made so many attempts in all. */
  attempts(count: number): Promise<void>
  /** Moves time on and lets the lane act on it. */
  pass(ms: number): Promise<void>
}

function rig(script: Script, policy: Partial<Exporter['policy']> = {}): Rig {
  const clock = fakeClock()
  const store = openSqliteStore(tempDir())
  const sent: Rig['sent'] = []
  const reports: AttemptReport[] = []
  const storeErrors: unknown[] = []
  const destination: Destination = { key: 'target', name: 'target' }
  const exporter: Exporter = {
    name: 'target',
    destinations: [destination],
    policy: {
      retryDelaysMs: [5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE],
      expireAfterMs: 60 * MINUTE,
      pace: { perSecond: 1000, burst: 1000 },
      captureBytes: 100,
      ...policy,
    },
    route: () => ({ destinations: [destination] }),
    render: () => {
      throw new Error('the lane leaves rendering to whoever transmits')
    },
    judge: byStatus,
  }
  const lane = new Lane({
    exporter,
    destination,
    store,
    clock,
    random: () => 0.5,
    redact: (text) => text.replaceAll('hunter2', '***'),
    watcher: {
      attempted: (report) => reports.push(report),
      breakerChanged: () => {},
      storeFailed: (_destination, error) => storeErrors.push(error),
    },
    async transmit(delivery: Delivery) {
      sent.push({ id: delivery.id, at: clock.now() })
      const answer = script[Math.min(sent.length, script.length) - 1]
      if (answer === undefined || answer instanceof Error) throw answer ?? new Error('no script')
      return answer
    },
  })
  onTestFinished(async () => {
    await lane.stop()
    await store.close()
  })
  // All that a lane waits for, time aside, is the store's commits: one turn of the event loop each.
  const settle = async (): Promise<void> => {
    for (let turns = 0; turns < 20; turns++) await turn()
  }
  return {
    clock,
    store,
    lane,
    sent,
    reports,
    storeErrors,
    async accept(count = 1) {
      const ids: string[] = []
      for (let i = 0; i < count; i++) {
        const accepted = await store.accept({
          receivedAt: clock.now(),
          cluster: 'prod',
          type: 'sync',
          fingerprint: randomBytes(16),
          duplicatesSince: 0,
          payload: { encoding: 'json', data: Buffer.from('{}') },
          deliveries: [{ destination: 'target', expiresAt: clock.now() + 60 * MINUTE }],
        })
        ids.push(accepted.eventId)
      }
      lane.wake()
      return ids
    },
    attempts: (count) => eventually(() => expect(reports.length).toBe(count)),
    async pass(ms) {
      clock.advance(ms)
      await settle()
    },
  }
}

describe('a lane', () => {
  it('delivers in order what waits at the start and what comes later', async () => {
    const { accept, lane, attempts, reports } = rig([status(200)])
    const first = await accept(2)
    lane.start()
    await attempts(2)
    const second = await accept(2)
    await attempts(4)
    expect(reports.map(({ delivery }) => delivery.eventId)).toEqual([...first, ...second])
  })

  it('repeats a failed attempt by the schedule, under the same delivery id', async () => {
    const { accept, lane, attempts, pass, sent, clock } = rig([status(500), status(503), status(200)])
    await accept()
    const start = clock.now()
    lane.start()
    await attempts(1)
    await pass(5 * SECOND - 1)
    expect(sent).toHaveLength(1)
    await pass(1)
    await attempts(2)
    await pass(30 * SECOND)
    await attempts(3)
    expect(sent.map(({ at }) => at - start)).toEqual([0, 5 * SECOND, 35 * SECOND])
    expect(new Set(sent.map(({ id }) => id)).size).toBe(1)
  })

  it('ends with a dead letter that holds the last answer, and goes on with the next', async () => {
    const { accept, lane, attempts, reports } = rig([status(400), status(200)])
    await accept(2)
    lane.start()
    await attempts(2)
    expect(reports[0]?.settlement).toMatchObject({
      state: 'dead',
      answer: { status: 400, reason: 'HTTP 400', body: 'answer 400' },
    })
    expect(reports[1]?.settlement.state).toBe('delivered')
  })

  it('rests the destination for as long as it is asked to, and no new event disturbs that', async () => {
    const { accept, lane, attempts, pass, sent } = rig([status(429, 60 * SECOND), status(200)])
    await accept()
    lane.start()
    await attempts(1)
    await accept(3)
    await pass(59 * SECOND)
    expect(sent).toHaveLength(1)
    await pass(SECOND)
    await attempts(5)
  })

  it('keeps to the pace of the destination', async () => {
    const { accept, lane, attempts, pass, sent, clock } = rig([status(200)], {
      pace: { perSecond: 1, burst: 2 },
    })
    const start = clock.now()
    await accept(4)
    lane.start()
    await attempts(2)
    await pass(SECOND)
    await attempts(3)
    await pass(SECOND)
    await attempts(4)
    expect(sent.map(({ at }) => at - start)).toEqual([0, 0, SECOND, 2 * SECOND])
  })

  it('stops asking a target that keeps failing, and what waits keeps its retries', async () => {
    const { accept, lane, attempts, pass, reports, store } = rig([
      ...Array.from({ length: 12 }, () => status(500)),
      status(200),
    ])
    await accept(4)
    lane.start()
    // Three failures of one delivery let the next one try, until ten in a row open the breaker.
    for (let guard = 0; lane.breaker().state === 'closed' && guard < 50; guard++) await pass(5 * SECOND)
    expect(lane.breaker().state).toBe('open')
    expect(reports).toHaveLength(10)

    await pass(30 * SECOND)
    await attempts(11)
    await pass(MINUTE)
    await attempts(12)
    // Both probes failed and cost nothing.
    for (const { delivery, settlement } of reports.slice(10)) {
      expect(settlement).toMatchObject({ state: 'waiting', failures: delivery.failures })
    }

    await pass(2 * MINUTE)
    // The target is back: all four go at once, none waits for its own retry, none was lost.
    await attempts(16)
    expect(reports.slice(12).map(({ settlement }) => settlement.state)).toEqual(Array(4).fill('delivered'))
    expect(store.backlog()).toMatchObject([{ waiting: 0 }])
  })

  it('opens the breaker at once when the configuration is dead, so that the rest is not lost too', async () => {
    const { accept, lane, attempts, pass, reports } = rig([status(410), status(200)])
    await accept(3)
    lane.start()
    await attempts(1)
    expect(reports[0]?.settlement.state).toBe('dead')
    await pass(29 * SECOND)
    expect(reports).toHaveLength(1)
    await pass(SECOND)
    await attempts(3)
  })

  it('turns what cannot be rendered into a dead letter without a secret in it', async () => {
    const { accept, lane, attempts, reports } = rig([new Error('bad template hunter2'), status(200)])
    await accept(2)
    lane.start()
    await attempts(2)
    expect(reports[0]?.settlement).toMatchObject({
      state: 'dead',
      answer: { reason: 'could not be rendered: bad template ***' },
    })
  })

  it('tries again when there was no answer, and puts back what a stop interrupted', async () => {
    const timeout: SendResult = { kind: 'unanswered', reason: 'no answer within 15 s', aborted: false }
    const aborted: SendResult = { kind: 'unanswered', reason: 'the service stops', aborted: true }
    const { accept, lane, attempts, pass, reports } = rig([timeout, aborted, status(200)])
    await accept()
    lane.start()
    await attempts(1)
    expect(reports[0]?.settlement).toMatchObject({ state: 'waiting', failures: 1 })
    await pass(5 * SECOND)
    await attempts(3)
    expect(reports[1]?.settlement).toMatchObject({ state: 'waiting', failures: 1 })
    expect(reports[2]?.settlement.state).toBe('delivered')
  })

  it('does not send again what the store could not write down, but writes until it can', async () => {
    const { accept, lane, attempts, store, sent, storeErrors, pass } = rig([status(200)])
    await accept()
    const settle = vi.spyOn(store, 'settle').mockRejectedValueOnce(new Error('disk full'))
    lane.start()
    await eventually(() => expect(storeErrors).toHaveLength(1))
    await pass(SECOND)
    await attempts(1)
    expect(settle).toHaveBeenCalledTimes(2)
    expect(sent).toHaveLength(1)
  })

  it('survives a store that cannot be read for a while', async () => {
    const { accept, lane, attempts, store, storeErrors, pass } = rig([status(200)])
    await accept()
    vi.spyOn(store, 'claim').mockRejectedValueOnce(new Error('disk error'))
    lane.start()
    await eventually(() => expect(storeErrors).toHaveLength(1))
    await pass(SECOND)
    await attempts(1)
  })
})
