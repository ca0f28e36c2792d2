import { describe, expect, it } from 'vitest'
import { closedBreaker, recordAttempt, type Breaker, type Health } from '../../../src/delivery/breaker.ts'
import { decide, type Attempted } from '../../../src/delivery/decide.ts'
import { fullBucket, takeToken, waitForToken } from '../../../src/delivery/pace.ts'
import { retryAfterMs } from '../../../src/delivery/retry-after.ts'

const NOW = Date.UTC(2026, 10, 22, 12, 0, 0)
const SECOND = 1000
const MINUTE = 60 * SECOND

describe('Retry-After', () => {
  it.each([
    ['120', 120 * SECOND],
    ['0', 0],
    [' 1 ', SECOND],
    ['120.1', 120_100],
    ['0.25', 250],
    ['Sun, 22 Nov 2026 12:00:30 GMT', 30 * SECOND],
    ['Sunday, 22-Nov-26 12:00:30 GMT', 30 * SECOND],
    ['Sun, 22 Nov 2026 11:00:00 GMT', 0],
    ['999999999', 60 * MINUTE],
    ['Fri, 01 Jan 2100 00:00:00 GMT', 60 * MINUTE],
  ])('reads %j', (value, expected) => {
    expect(retryAfterMs(value, NOW)).toBe(expected)
  })

  it.each([undefined, '', 'soon', '-5', '1e3', '0x10', '5 seconds', 'Sun, 99 Foo 2026', '12,13', '٣'])(
    'takes nothing from %j',
    (value) => {
      expect(retryAfterMs(value, NOW)).toBeUndefined()
    },
  )
})

describe('pace', () => {
  const pace = { perSecond: 2, burst: 3 }

  it('lets a burst through at once and then spreads requests evenly', () => {
    let bucket = fullBucket(pace, NOW)
    for (let i = 0; i < 3; i++) {
      expect(waitForToken(bucket, pace, NOW)).toBe(0)
      bucket = takeToken(bucket, pace, NOW)
    }
    expect(waitForToken(bucket, pace, NOW)).toBe(500)
    expect(waitForToken(bucket, pace, NOW + 490)).toBeGreaterThan(0)
    expect(waitForToken(bucket, pace, NOW + 500)).toBe(0)
  })

  it('never saves up more than the burst', () => {
    let bucket = fullBucket(pace, NOW)
    const later = NOW + 60 * MINUTE
    for (let i = 0; i < 3; i++) bucket = takeToken(bucket, pace, later)
    expect(waitForToken(bucket, pace, later)).toBeGreaterThan(0)
  })

  it('survives a clock that is set back', () => {
    const bucket = takeToken(fullBucket(pace, NOW), pace, NOW)
    expect(waitForToken(bucket, pace, NOW - MINUTE)).toBe(0)
  })
})

describe('the breaker', () => {
  function after(healths: readonly Health[], stepMs = SECOND, start: Breaker = closedBreaker): Breaker {
    let breaker = start
    for (const [index, health] of healths.entries())
      breaker = recordAttempt(breaker, health, NOW + index * stepMs)
    return breaker
  }
  const times = (count: number, health: Health): Health[] => Array.from({ length: count }, () => health)

  it('opens after ten failures in a row, and not before', () => {
    expect(after(times(9, 'failing')).state).toBe('closed')
    expect(after(times(10, 'failing'))).toMatchObject({
      state: 'open',
      probeAt: NOW + 9 * SECOND + 30 * SECOND,
    })
  })

  it('opens when seven in ten attempts of the last minutes failed', () => {
    const mixed = [...times(3, 'well'), ...times(7, 'failing')]
    expect(after(mixed).state).toBe('open')
    expect(after([...times(4, 'well'), ...times(6, 'failing')]).state).toBe('closed')
  })

  it('forgets what is older than five minutes', () => {
    expect(after(times(30, 'failing'), MINUTE).state).toBe('closed')
  })

  it('opens at once when the target says that the configuration is dead', () => {
    expect(after(['disabled']).state).toBe('open')
  })

  it('probes after 30 s, then twice as late each time, up to 15 minutes', () => {
    let breaker = after(times(10, 'failing'))
    const waits: number[] = []
    for (let i = 0; i < 8; i++) {
      if (breaker.state === 'open') waits.push(breaker.waitMs / SECOND)
      breaker = recordAttempt(breaker, 'failing', NOW + i * 60 * MINUTE)
    }
    expect(waits).toEqual([30, 60, 120, 240, 480, 900, 900, 900])
  })

  it('closes with one good probe and starts with a clean record', () => {
    const breaker = recordAttempt(after(times(10, 'failing')), 'well', NOW)
    expect(breaker).toEqual(closedBreaker)
    expect(after(times(9, 'failing'), SECOND, breaker).state).toBe('closed')
  })
})

describe('what becomes of a delivery', () => {
  const answer = { status: 500, reason: 'HTTP 500', body: '' }
  const attempted: Attempted = {
    judgement: { kind: 'retry', reason: 'HTTP 500' },
    answer,
    retryAfterMs: undefined,
    now: NOW,
    attempt: 1,
    failures: 0,
    expiresAt: NOW + 24 * 60 * MINUTE,
    probe: false,
    retryDelaysMs: [5 * SECOND, 30 * SECOND, 2 * MINUTE],
  }
  const middle = 0.5

  it('is delivered when the exporter says so', () => {
    expect(decide({ ...attempted, judgement: { kind: 'delivered' } }, middle)).toMatchObject({
      state: 'delivered',
    })
  })

  it.each(['rejected', 'disabled'] as const)('is a dead letter at once when it is %s', (kind) => {
    expect(decide({ ...attempted, judgement: { kind, reason: 'no' } }, middle)).toMatchObject({
      state: 'dead',
      answer,
    })
  })

  it.each([
    [0, 5 * SECOND],
    [1, 30 * SECOND],
    [2, 2 * MINUTE],
  ])('waits by the schedule after %i earlier failures', (failures, delay) => {
    expect(decide({ ...attempted, failures }, middle)).toMatchObject({
      state: 'waiting',
      dueAt: NOW + delay,
      failures: failures + 1,
    })
  })

  it('spreads retries by a fifth in both directions', () => {
    expect(decide(attempted, 0)).toMatchObject({ dueAt: NOW + 4 * SECOND })
    expect(decide(attempted, 1)).toMatchObject({ dueAt: NOW + 6 * SECOND })
  })

  it('waits longer when the target asks for longer, and never shorter', () => {
    expect(decide({ ...attempted, retryAfterMs: MINUTE }, middle)).toMatchObject({ dueAt: NOW + MINUTE })
    expect(decide({ ...attempted, retryAfterMs: 1 }, middle)).toMatchObject({ dueAt: NOW + 5 * SECOND })
  })

  it('is a dead letter with the last answer when its retries are used up', () => {
    expect(decide({ ...attempted, failures: 3, attempt: 4 }, middle)).toEqual({
      state: 'dead',
      at: NOW,
      answer: { ...answer, reason: 'gave up after 4 attempts: HTTP 500' },
    })
  })

  it('is a dead letter when it would expire before the next try', () => {
    expect(decide({ ...attempted, expiresAt: NOW + SECOND }, middle)).toMatchObject({ state: 'dead' })
  })

  it('loses none of its retries to a target that asks for patience', () => {
    const limited = { kind: 'limited', reason: 'HTTP 429' } as const
    expect(
      decide({ ...attempted, judgement: limited, retryAfterMs: 7 * SECOND, attempt: 9 }, middle),
    ).toEqual({
      state: 'waiting',
      dueAt: NOW + 7 * SECOND,
      failures: 0,
      answer,
      pauseUntil: NOW + 7 * SECOND,
    })
  })

  it('paces itself when the target does not say for how long', () => {
    const limited = { kind: 'limited', reason: 'HTTP 429' } as const
    expect(decide({ ...attempted, judgement: limited, attempt: 2 }, middle)).toMatchObject({
      dueAt: NOW + 30 * SECOND,
    })
  })

  it('prefers what the body says about waiting to the header', () => {
    const limited = { kind: 'limited', reason: 'M_LIMIT_EXCEEDED', afterMs: 9 * SECOND } as const
    expect(decide({ ...attempted, judgement: limited, retryAfterMs: SECOND }, middle)).toMatchObject({
      dueAt: NOW + 9 * SECOND,
    })
  })

  it('is not lost to a probe that finds the configuration still dead', () => {
    const disabled = { kind: 'disabled', reason: 'token_revoked' } as const
    expect(decide({ ...attempted, judgement: disabled, probe: true }, middle)).toMatchObject({
      state: 'waiting',
      failures: 0,
    })
  })

  it('does not count a failed probe: that is the fault of the target', () => {
    expect(decide({ ...attempted, probe: true, failures: 3 }, middle)).toMatchObject({
      state: 'waiting',
      failures: 3,
    })
  })
})
