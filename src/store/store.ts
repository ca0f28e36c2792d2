import type { StoredPayload } from '../flux/event-reader.ts'

/**
 * The outbox: events and their deliveries, committed before Flux gets its answer. One interface for every
 * engine; test/store/contract.ts says what each must do. All times are milliseconds since the epoch.
 */
export interface Store {
  /**
   * Stores an event with one delivery for each destination, in one commit; resolves after that commit. The
   * same fingerprint within the window is a duplicate, which is counted and otherwise left alone.
   *
   * @throws {StoreError} when nothing was stored
   */
  accept(event: NewEvent): Promise<Acceptance>
  /**
   * Takes the next delivery of a destination under a lease: deliveries go in the order of acceptance, one
   * at a time. One that has failed `STEP_ASIDE_AFTER` times no longer holds back those behind it.
   */
  claim(destination: string, now: number, leaseMs: number): Promise<Claim>
  /** Writes down how an attempt ended. `pauseUntil` rests the whole destination, across restarts. */
  settle(delivery: Delivery, settlement: Settlement): Promise<void>
  /** Makes everything that waits for a retry at this destination due now. */
  hasten(destination: string, now: number): Promise<void>
  /** Until when the destination asked to be left alone; 0 when it did not. */
  pausedUntil(destination: string): number
  /** Turns deliveries that are past their expiry into dead letters, a bounded number a call, and returns them. */
  expire(now: number): Promise<readonly ExpiredDelivery[]>
  /** What waits for each destination that ever had a delivery. */
  backlog(): readonly Backlog[]
  /**
   * Deletes one small batch of events that are older than the retention, or the oldest while the store is too
   * large, never one with a delivery still to be made.
   *
   * @returns whether there may be more to delete
   */
  prune(now: number, retention: Retention): Promise<boolean>
  /** Resolves when a write could be committed just now; rejects with {StoreError} when not. */
  check(): Promise<void>
  /** Commits what is queued and closes; whatever is called later rejects with {StoreError}. */
  close(): Promise<void>
}

/** After so many failures of its own a delivery lets the ones behind it go first. */
export const STEP_ASIDE_AFTER = 3

export interface NewEvent {
  readonly receivedAt: number
  readonly cluster: string
  readonly type: string
  /** 16 bytes that are equal for events that say the same. */
  readonly fingerprint: Uint8Array
  /** Fingerprints from before this moment are forgotten. */
  readonly duplicatesSince: number
  readonly payload: StoredPayload
  readonly deliveries: readonly NewDelivery[]
}

export interface NewDelivery {
  readonly destination: string
  readonly expiresAt: number
  /** The rule by which nothing is sent; absent for what is to be delivered. */
  readonly suppressed?: string
}

export type Acceptance =
  | { readonly kind: 'accepted'; readonly eventId: string }
  | { readonly kind: 'duplicate'; readonly eventId: string }

export type Claim =
  | { readonly kind: 'delivery'; readonly delivery: Delivery }
  /** The first delivery in order is not due: nothing can be sent before `until`, new events included. */
  | { readonly kind: 'blocked'; readonly until: number }
  /** Nothing is due before `until` (undefined: nothing waits), but a new event would be. */
  | { readonly kind: 'idle'; readonly until: number | undefined }

/** A claimed delivery. */
export interface Delivery {
  readonly eventId: string
  /** Stable across attempts and restarts, and unique among all stores. */
  readonly id: string
  readonly seq: number
  readonly destination: string
  readonly cluster: string
  readonly receivedAt: number
  readonly expiresAt: number
  /** Requests made so far, this one included. */
  readonly attempt: number
  /** Failures that count towards giving up. */
  readonly failures: number
  readonly payload: StoredPayload
}

/** What the target said last, without secrets; status 0 when there was no answer. */
export interface Answer {
  readonly status: number
  readonly reason: string
  readonly body: string
}

export type Settlement =
  | { readonly state: 'delivered'; readonly at: number; readonly answer: Answer }
  | { readonly state: 'dead'; readonly at: number; readonly answer: Answer }
  | {
      readonly state: 'waiting'
      readonly dueAt: number
      readonly failures: number
      readonly answer: Answer
      readonly pauseUntil?: number
    }

export interface ExpiredDelivery {
  readonly eventId: string
  readonly id: string
  readonly destination: string
}

export interface Backlog {
  readonly destination: string
  readonly waiting: number
  /** When the oldest waiting event was received; undefined when none waits. */
  readonly oldestReceivedAt: number | undefined
}

export interface Retention {
  readonly maxAgeMs: number
  readonly maxBytes: number
}

/** The store could not do it; the message says what failed and, where known, what to do. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
}
