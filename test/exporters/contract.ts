import type {
  Exporter,
  Judgement,
  Notification,
  OutgoingRequest,
  TargetResponse,
} from '../../src/exporter.ts'
import type { FluxEvent } from '../../src/flux/event.ts'
import { buildMessage } from '../../src/message/build.ts'
import { createLinks } from '../../src/message/links.ts'

/** What an exporter brings along to be held to the contract of contract.test.ts. */
export interface ContractEntry {
  readonly name: string
  /** The exporter as configured to post to `url`; by default an address of the kind that the target has. */
  create(url?: string): Exporter
  /** Every credential of that configuration, besides `url`. */
  readonly secrets: readonly string[]
  /** An answer to a request that went well. */
  readonly success: TargetResponse
  /** Whether an empty 200 is taken for success. */
  readonly acceptsEmpty: boolean
  /** What each status means when the body does not say more. */
  expected(status: number): Judgement['kind']
  /** Answers by what is in their body. */
  readonly answers: readonly (readonly [status: number, body: string, kind: Judgement['kind']])[]
  /** Fails when the request is beyond the target's limits, or anything of the event acts in it as markup. */
  checkRequest(request: OutgoingRequest, notification: Notification): void
}

export function answer(status: number, body: string, headers: Record<string, string> = {}): TargetResponse {
  return { status, body, headers }
}

const links = createLinks({ repository: 'https://github.com/acme/deploy', style: 'auto' })

/** `event` on its way, as the delivery loop hands it to an exporter. */
export function notificationOf(event: FluxEvent, fields: Partial<Notification> = {}): Notification {
  const cluster = 'prod-eu'
  return {
    deliveryId: 'evt-01JD-slack',
    attemptedAt: 1_614_265_330_999,
    cluster,
    event,
    message: buildMessage({ cluster, event, links }),
    payload: Buffer.from('{"type":"sync","id":0}'),
    ...fields,
  }
}
