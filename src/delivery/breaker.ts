/**
 * The circuit breaker of one destination. It opens when a target keeps failing, so that what waits for it keeps
 * its retries; then one probe at a time finds out whether the target is back.
 */

const OPEN_AFTER_CONSECUTIVE = 10
const OPEN_AT_FAILED_SHARE = 0.7
const MIN_ATTEMPTS = 10
const WINDOW_MS = 5 * 60_000
const MAX_WINDOW = 100
const FIRST_PROBE_MS = 30_000
const LAST_PROBE_MS = 15 * 60_000

interface Attempt {
  readonly at: number
  readonly failed: boolean
}

export type Breaker =
  | { readonly state: 'closed'; readonly recent: readonly Attempt[] }
  /** Nothing is sent before `probeAt`; from then on one attempt is a probe. */
  | { readonly state: 'open'; readonly probeAt: number; readonly waitMs: number }

export const closedBreaker: Breaker = { state: 'closed', recent: [] }

/** How an attempt speaks of the target's health: a refused message comes from a target that is well. */
export type Health = 'well' | 'failing' | 'disabled'

/**
 * @param now when the attempt ended, milliseconds since the epoch
 * @returns the breaker after an attempt
 */
export function recordAttempt(breaker: Breaker, health: Health, now: number): Breaker {
  if (breaker.state === 'open') {
    return health === 'well' ? closedBreaker : open(Math.min(breaker.waitMs * 2, LAST_PROBE_MS), now)
  }
  if (health === 'disabled') return open(FIRST_PROBE_MS, now)
  const recent = [...breaker.recent, { at: now, failed: health === 'failing' }]
    .filter((attempt) => attempt.at > now - WINDOW_MS)
    .slice(-MAX_WINDOW)
  return mustOpen(recent) ? open(FIRST_PROBE_MS, now) : { state: 'closed', recent }
}

function mustOpen(recent: readonly Attempt[]): boolean {
  if (recent.length < MIN_ATTEMPTS) return false
  const last = recent.slice(-OPEN_AFTER_CONSECUTIVE)
  if (last.every((attempt) => attempt.failed)) return true
  return recent.filter((attempt) => attempt.failed).length / recent.length >= OPEN_AT_FAILED_SHARE
}

function open(waitMs: number, now: number): Breaker {
  return { state: 'open', probeAt: now + waitMs, waitMs }
}
