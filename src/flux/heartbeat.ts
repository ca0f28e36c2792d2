import type { Clock } from '../clock.ts'

export interface Heartbeat {
  /** The peer gave a sign of life. */
  seen(): void
  /** When it last did, in milliseconds since the epoch. */
  lastSeenAt(): number
  stop(): void
}

export interface HeartbeatOptions {
  readonly clock: Clock
  readonly pingEveryMs: number
  /** Silence of this length, answers to pings included, means that nobody is there. */
  readonly idleTimeoutMs: number
  readonly ping: () => void
  /** Called once; the heartbeat has stopped then. */
  readonly onIdle: () => void
}

/**
 * Pings a peer until it has been silent for too long. A connection that dies without a word (a node that goes
 * away, a firewall that forgets) is not noticed otherwise: TCP alone waits for hours.
 */
export function startHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { clock, pingEveryMs, idleTimeoutMs } = options
  let lastSeenAt = clock.now()
  let nextPingAt = lastSeenAt + pingEveryMs

  const wait = () => clock.after(Math.min(nextPingAt, lastSeenAt + idleTimeoutMs) - clock.now(), beat)
  function beat() {
    const now = clock.now()
    if (now - lastSeenAt >= idleTimeoutMs) return options.onIdle()
    if (now >= nextPingAt) {
      options.ping()
      nextPingAt = now + pingEveryMs
    }
    cancel = wait()
  }
  let cancel = wait()

  return {
    seen() {
      lastSeenAt = clock.now()
    },
    lastSeenAt: () => lastSeenAt,
    stop: () => cancel(),
  }
}
