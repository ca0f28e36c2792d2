import { expect, test } from 'vitest'
import { startHeartbeat } from '../../../src/flux/heartbeat.ts'
import { fakeClock } from '../../support/fake-clock.ts'

function start() {
  const clock = fakeClock(0)
  const pingedAt: number[] = []
  const idleAt: number[] = []
  const heartbeat = startHeartbeat({
    clock,
    pingEveryMs: 15,
    idleTimeoutMs: 40,
    ping: () => void pingedAt.push(clock.now()),
    onIdle: () => void idleAt.push(clock.now()),
  })
  return { clock, pingedAt, idleAt, heartbeat }
}

test('a silent peer is pinged, then given up exactly when its time is over, and once', () => {
  const { clock, pingedAt, idleAt } = start()
  clock.advance(39)
  expect(idleAt).toEqual([])
  clock.advance(1000)
  expect({ pingedAt, idleAt }).toEqual({ pingedAt: [15, 30], idleAt: [40] })
})

test('a sign of life puts it off', () => {
  const { clock, idleAt, heartbeat } = start()
  clock.advance(39)
  heartbeat.seen()
  expect(heartbeat.lastSeenAt()).toBe(39)
  clock.advance(39)
  expect(idleAt).toEqual([])
  clock.advance(1)
  expect(idleAt).toEqual([79])
})

test('nothing happens after the stop', () => {
  const { clock, pingedAt, idleAt, heartbeat } = start()
  clock.advance(20)
  heartbeat.stop()
  clock.advance(1000)
  expect({ pingedAt, idleAt }).toEqual({ pingedAt: [15], idleAt: [] })
})
