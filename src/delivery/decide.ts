import type { Judgement } from '../exporter.ts'
import type { Answer, Settlement } from '../store/store.ts'

/** Every delay is spread by this share in both directions, so that what failed together does not return together. */
const JITTER = 0.2
/** A target that asks for patience without saying how long is asked again at least this often. */
const LONGEST_LIMITED_MS = 10 * 60_000

export interface Attempted {
  readonly judgement: Judgement
  readonly answer: Answer
  /** What the target's Retry-After asked for, in milliseconds. */
  readonly retryAfterMs: number | undefined
  /** When the attempt ended, milliseconds since the epoch. */
  readonly now: number
  /** Attempts made, this one included. */
  readonly attempt: number
  /** Failures before this attempt. */
  readonly failures: number
  readonly expiresAt: number
  /** The attempt was a probe behind an open breaker: its failure is the target's, not the message's. */
  readonly probe: boolean
  readonly retryDelaysMs: readonly number[]
}

/**
 * What becomes of a delivery after an attempt: the only place that knows about retries.
 *
 * @param random a number from 0 up to 1, for the jitter
 */
export function decide(attempted: Attempted, random: number): Settlement {
  const { judgement, answer, now } = attempted
  switch (judgement.kind) {
    case 'delivered':
      return { state: 'delivered', at: now, answer }
    case 'rejected':
      return { state: 'dead', at: now, answer }
    case 'disabled':
      // The first one tells people what to mend. What waits behind the open breaker is not spent on finding out.
      return attempted.probe ? retry(attempted, undefined, random) : { state: 'dead', at: now, answer }
    case 'limited':
      return rest(attempted, judgement.afterMs ?? attempted.retryAfterMs, random)
    case 'retry':
      return retry(attempted, judgement.afterMs ?? attempted.retryAfterMs, random)
  }
}

function rest(attempted: Attempted, askedMs: number | undefined, random: number): Settlement {
  const { attempt, retryDelaysMs, now, failures, answer } = attempted
  const scheduled = jittered(Math.min(delayAfter(retryDelaysMs, attempt), LONGEST_LIMITED_MS), random)
  const dueAt = now + (askedMs ?? scheduled)
  return { state: 'waiting', dueAt, failures, answer, pauseUntil: dueAt }
}

function retry(attempted: Attempted, askedMs: number | undefined, random: number): Settlement {
  const { retryDelaysMs, now, probe, expiresAt, attempt, answer } = attempted
  const failures = attempted.failures + (probe ? 0 : 1)
  if (failures > retryDelaysMs.length) return givenUp(answer, now, `gave up after ${attempt} attempts`)
  const dueAt = now + Math.max(jittered(delayAfter(retryDelaysMs, failures), random), askedMs ?? 0)
  // The open breaker decides when to probe again; until then the delivery must not hold its place for hours.
  if (probe) return { state: 'waiting', dueAt: now, failures, answer }
  if (dueAt >= expiresAt)
    return givenUp(answer, now, `gave up after ${attempt} attempts, as it expires first`)
  return { state: 'waiting', dueAt, failures, answer }
}

function givenUp(answer: Answer, now: number, why: string): Settlement {
  return { state: 'dead', at: now, answer: { ...answer, reason: `${why}: ${answer.reason}` } }
}

function delayAfter(delaysMs: readonly number[], failures: number): number {
  return delaysMs[Math.min(failures, delaysMs.length) - 1] ?? 0
}

function jittered(ms: number, random: number): number {
  return Math.round(ms * (1 - JITTER + 2 * JITTER * random))
}
