import { createHmac } from 'node:crypto'
import type { Secret } from '../secret.ts'

/**
 * One item of the header `webhook-signature`:
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme
 *
 * @param secret as it is configured: `whsec_` and base64
 * @param id the header `webhook-id`, without a `.`
 * @param timestamp the header `webhook-timestamp`, in seconds
 * @param body exactly what is sent
 */
export function sign(secret: Secret, id: string, timestamp: string, body: Buffer): string {
  const key = Buffer.from(secret.reveal().replace(/^whsec_/, ''), 'base64')
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`
}
