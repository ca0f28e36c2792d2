import type { FluxEvent } from './flux/event.ts'
import type { Message } from './message/message.ts'
import type { Secret } from './secret.ts'

/**
 * An exporter knows one kind of target: where an event goes there, how a message looks there, and what the
 * target's answers mean. It is pure: time, retries, pacing and the network belong to the delivery loop.
 */
export interface Exporter {
  /** The name in EXPORTER_TYPE, in logs and in metrics. */
  readonly name: string
  /** Every destination the configuration names. Each has a queue, a pace and a breaker of its own. */
  readonly destinations: readonly Destination[]
  readonly policy: DeliveryPolicy
  /** Where `event` goes; a subset of `destinations`, or why it goes nowhere. */
  route(event: FluxEvent): Route
  /** The HTTP request for one attempt, within the target's limits and with untrusted text escaped. */
  render(notification: Notification, destination: Destination): OutgoingRequest
  /** What the answer to that request means. A 200 with an error in its body is an error. */
  judge(response: TargetResponse): Judgement
}

export interface Destination {
  /** Stable name within all exporters, `slack:#ops`. Kept in the store and shown to people: never a secret. */
  readonly key: string
  /** The target's own name for it (`#ops`); for a target with one destination, the exporter's name. */
  readonly name: string
}

export type Route =
  | { readonly destinations: readonly Destination[] }
  /** Nobody is told, and this is the rule that says so. */
  | { readonly destinations: readonly []; readonly suppressed: string }

/** What an exporter renders: one event on its way to one destination, at one attempt. */
export interface Notification {
  /** The same on every attempt, so that a receiver can recognise a repetition. Letters, digits and `-`. */
  readonly deliveryId: string
  /** When this attempt starts, in milliseconds since the epoch. */
  readonly attemptedAt: number
  readonly cluster: string
  readonly event: FluxEvent
  readonly message: Message
  /** The event's JSON exactly as Flux sent it. */
  readonly payload: Buffer
}

export interface OutgoingRequest {
  readonly method: 'POST' | 'PUT'
  /** Secret, because for most chat targets the URL is the credential. */
  readonly url: Secret
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer
}

export interface TargetResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** The first `policy.captureBytes` of the body, without our secrets. */
  readonly body: string
}

/**
 * What an answer means for the delivery and for its destination. `reason` names the status and the code.
 * The delivery loop reads Retry-After itself; `afterMs` is for targets that say it elsewhere.
 */
export type Judgement =
  | { readonly kind: 'delivered' }
  /** The target is unwell: try again by the schedule, not before `afterMs`. */
  | { readonly kind: 'retry'; readonly reason: string; readonly afterMs?: number }
  /** The target asks for patience: the destination rests, and the delivery keeps its retries. */
  | { readonly kind: 'limited'; readonly reason: string; readonly afterMs?: number }
  /** This message will never be taken: dead letter. */
  | { readonly kind: 'rejected'; readonly reason: string }
  /** Nothing will be taken until somebody mends the configuration: dead letter, and the breaker opens. */
  | { readonly kind: 'disabled'; readonly reason: string }

export interface DeliveryPolicy {
  /** Delay before each retry, in milliseconds; when they are used up the delivery is a dead letter. */
  readonly retryDelaysMs: readonly number[]
  /** A delivery that is older than this is a dead letter, whatever its retries. */
  readonly expireAfterMs: number
  /** Token bucket of each destination. */
  readonly pace: { readonly perSecond: number; readonly burst: number }
  /** How much of an answer is kept, in bytes. */
  readonly captureBytes: number
}
