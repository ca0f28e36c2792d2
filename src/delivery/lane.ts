import type { Clock } from '../clock.ts'
import type { Destination, Exporter, Judgement } from '../exporter.ts'
import type { Delivery, Settlement, Store } from '../store/store.ts'
import { closedBreaker, recordAttempt, type Breaker } from './breaker.ts'
import { decide } from './decide.ts'
import { fullBucket, takeToken, waitForToken, type Bucket } from './pace.ts'
import type { SendResult } from './send.ts'

/** Longer than any attempt can take. */
const LEASE_MS = 120_000
/** While the store cannot be written, a lane tries again this often. */
const STORE_RETRY_MS = 1000

/** What a lane tells whoever watches it. */
export interface LaneWatcher {
  attempted(report: AttemptReport): void
  breakerChanged(destination: Destination, breaker: Breaker): void
  storeFailed(destination: Destination, error: unknown): void
}

export interface AttemptReport {
  readonly exporter: Exporter
  readonly destination: Destination
  readonly delivery: Delivery
  readonly judgement: Judgement
  readonly settlement: Settlement
  readonly seconds: number
}

export interface LaneOptions {
  readonly exporter: Exporter
  readonly destination: Destination
  readonly store: Store
  readonly clock: Clock
  /** A number from 0 up to 1, for the jitter of retries. */
  readonly random: () => number
  /** Renders and sends one attempt; must not reject but for what cannot be rendered. */
  readonly transmit: (delivery: Delivery) => Promise<SendResult>
  readonly redact: (text: string) => string
  readonly watcher: LaneWatcher
}

/**
 * One destination's way out: takes its deliveries from the store in order, one at a time, at the destination's
 * pace and only while its breaker lets it. Nothing that happens in one lane is felt in another.
 *
 * A lane is always in one of four places: waiting at the gate (pace, pause, breaker), looking for the next
 * delivery, sleeping until one is due or a new one comes, or in an attempt.
 */
export class Lane {
  readonly #options: LaneOptions
  #breaker: Breaker = closedBreaker
  #bucket: Bucket
  #stopped = false
  /** Ends the sleep; there is none while the lane is at work or at the gate. */
  #endSleep: (() => void) | undefined
  /** New events need not wake the lane while it waits for something that they cannot overtake. */
  #deaf = true
  #missedWake = false
  #running: Promise<void> | undefined

  constructor(options: LaneOptions) {
    this.#options = options
    this.#bucket = fullBucket(options.exporter.policy.pace, options.clock.now())
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Tells the lane that a delivery was accepted for it. */
  wake(): void {
    if (this.#deaf) this.#missedWake = true
    else this.#endSleep?.()
  }

  /** Takes nothing more; resolves when the attempt under way has been settled. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#endSleep?.()
    await this.#running
  }

  breaker(): Breaker {
    return this.#breaker
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const gateMs = this.#gateMs()
      if (gateMs > 0) {
        await this.#sleep(gateMs, true)
        continue
      }
      try {
        await this.#step()
      } catch (error) {
        this.#options.watcher.storeFailed(this.#options.destination, error)
        await this.#sleep(STORE_RETRY_MS, true)
      }
    }
  }

  async #step(): Promise<void> {
    const { store, clock, destination } = this.#options
    const now = clock.now()
    this.#missedWake = false
    const claim = await store.claim(destination.key, now, LEASE_MS)
    if (claim.kind === 'delivery') return this.#attempt(claim.delivery)
    // A delivery that was accepted while the store was looking would otherwise be slept through.
    if (claim.kind === 'idle' && this.#missedWake) return
    const until = claim.until ?? Number.POSITIVE_INFINITY
    await this.#sleep(until - now, claim.kind === 'blocked')
  }

  /** How long nothing may be sent: the target's own wish, the breaker and the pace, whichever is longest. */
  #gateMs(): number {
    const { store, clock, destination, exporter } = this.#options
    const now = clock.now()
    return Math.max(
      store.pausedUntil(destination.key) - now,
      this.#breaker.state === 'open' ? this.#breaker.probeAt - now : 0,
      waitForToken(this.#bucket, exporter.policy.pace, now),
    )
  }

  async #attempt(delivery: Delivery): Promise<void> {
    const { exporter, destination, clock, random, watcher } = this.#options
    const started = clock.now()
    this.#bucket = takeToken(this.#bucket, exporter.policy.pace, started)
    const probe = this.#breaker.state === 'open'
    const { judgement, answer, retryAfterMs, interrupted } = await this.#transmit(delivery)
    const now = clock.now()
    const settlement = interrupted
      ? ({ state: 'waiting', dueAt: now, failures: delivery.failures, answer } as const)
      : decide(
          {
            judgement,
            answer,
            retryAfterMs,
            now,
            attempt: delivery.attempt,
            failures: delivery.failures,
            expiresAt: delivery.expiresAt,
            probe,
            retryDelaysMs: exporter.policy.retryDelaysMs,
          },
          random(),
        )
    await this.#settle(delivery, settlement)
    watcher.attempted({
      exporter,
      destination,
      delivery,
      judgement,
      settlement,
      seconds: (now - started) / 1000,
    })
    if (!interrupted) await this.#recordHealth(judgement, now)
  }

  async #transmit(delivery: Delivery): Promise<Outcome> {
    const { exporter, transmit, redact } = this.#options
    let result: SendResult
    try {
      result = await transmit(delivery)
    } catch (error) {
      // What cannot be rendered today cannot be rendered tomorrow; those behind it can.
      const reason = redact(
        `could not be rendered: ${error instanceof Error ? error.message : String(error)}`,
      )
      return outcome({ kind: 'rejected', reason }, 0, '')
    }
    if (result.kind === 'unanswered') {
      return { ...outcome({ kind: 'retry', reason: result.reason }, 0, ''), interrupted: result.aborted }
    }
    const { status, headers } = result.response
    // Some servers repeat the request: what they say is clean before anybody reads, shortens or stores it.
    const body = redact(result.response.body)
    const judgement = exporter.judge({ status, headers, body })
    return { ...outcome(judgement, status, body), retryAfterMs: result.retryAfterMs }
  }

  /**
   * An attempt that the store does not hear of would be made again, so the lane stays until it does. Only a stop
   * leaves it unsettled: then the next start repeats it, with the same delivery id.
   */
  async #settle(delivery: Delivery, settlement: Settlement): Promise<void> {
    const { store, watcher, destination } = this.#options
    for (;;) {
      try {
        return await store.settle(delivery, settlement)
      } catch (error) {
        watcher.storeFailed(destination, error)
        if (this.#stopped) return
        await this.#sleep(STORE_RETRY_MS, true)
      }
    }
  }

  async #recordHealth(judgement: Judgement, now: number): Promise<void> {
    const { store, destination, watcher } = this.#options
    const before = this.#breaker
    const health =
      judgement.kind === 'retry' ? 'failing' : judgement.kind === 'disabled' ? 'disabled' : 'well'
    this.#breaker = recordAttempt(before, health, now)
    if (before.state === this.#breaker.state) return
    watcher.breakerChanged(destination, this.#breaker)
    // What waited out the failure need not wait for its own retry as well.
    if (this.#breaker.state === 'closed') await store.hasten(destination.key, now)
  }

  #sleep(ms: number, deaf: boolean): Promise<void> {
    if (this.#stopped) return Promise.resolve()
    return new Promise((resolve) => {
      const wakeUp = (): void => {
        cancel()
        this.#endSleep = undefined
        this.#deaf = true
        resolve()
      }
      const cancel = Number.isFinite(ms) ? this.#options.clock.after(ms, wakeUp) : () => {}
      this.#endSleep = wakeUp
      this.#deaf = deaf
    })
  }
}

interface Outcome {
  readonly judgement: Judgement
  readonly answer: Settlement['answer']
  readonly retryAfterMs: number | undefined
  readonly interrupted: boolean
}

function outcome(judgement: Judgement, status: number, body: string): Outcome {
  const reason = judgement.kind === 'delivered' ? '' : judgement.reason
  return { judgement, answer: { status, reason, body }, retryAfterMs: undefined, interrupted: false }
}
