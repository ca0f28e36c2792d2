/**
 * A token bucket: at most `burst` requests at once, and `perSecond` of them in the long run.
 */
export interface Pace {
  readonly perSecond: number
  readonly burst: number
}

export interface Bucket {
  readonly tokens: number
  /** When `tokens` was true, milliseconds since the epoch. */
  readonly at: number
}

export function fullBucket(pace: Pace, now: number): Bucket {
  return { tokens: pace.burst, at: now }
}

/** Milliseconds until the bucket holds a token; 0 when it does. */
export function waitForToken(bucket: Bucket, pace: Pace, now: number): number {
  const { tokens } = refill(bucket, pace, now)
  return tokens >= 1 ? 0 : Math.ceil(((1 - tokens) / pace.perSecond) * 1000)
}

/** The bucket after a request was sent at `now`. */
export function takeToken(bucket: Bucket, pace: Pace, now: number): Bucket {
  const { tokens, at } = refill(bucket, pace, now)
  return { tokens: Math.max(tokens - 1, 0), at }
}

function refill({ tokens, at }: Bucket, pace: Pace, now: number): Bucket {
  // A clock that was set back must not empty the bucket, nor fill it twice afterwards.
  const elapsed = Math.max(now - at, 0)
  return { tokens: Math.min(tokens + (elapsed / 1000) * pace.perSecond, pace.burst), at: now }
}
