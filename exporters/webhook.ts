import fp from 'fastify-plugin'
import '../plugins/exporters.ts'
import type { WebhookConfig } from '../src/config.ts'
import { excerpt } from '../src/delivery/excerpt.ts'
import { judgeWebhookStatus } from '../src/delivery/judge-status.ts'
import { sign } from '../src/delivery/sign.ts'
import type { DeliveryPolicy, Destination, Exporter, Notification, OutgoingRequest } from '../src/exporter.ts'
import { cleanLine } from '../src/message/clean.ts'
import { layout } from '../src/message/layout.ts'
import { plainMarkup } from '../src/message/plain.ts'
import { truncate } from '../src/message/truncate.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** The schedule that the specification suggests, about three days long. */
const POLICY: Omit<DeliveryPolicy, 'pace'> = {
  retryDelaysMs: [
    5 * SECOND,
    MINUTE,
    5 * MINUTE,
    30 * MINUTE,
    ...[2, 5, 10, 14, 20, 24].map((hours) => hours * HOUR),
  ],
  expireAfterMs: 76 * HOUR,
  captureBytes: 16 * 1024,
}

const BODY_LIMIT = 16_000
const TYPE_LIMIT = 256

/**
 * Posts every event as JSON to one address, in the format of the original fluxcloud, whose receivers thus still work,
 * with the headers of Standard Webhooks:
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function createWebhookExporter(config: WebhookConfig): Exporter {
  const destination: Destination = { key: 'webhook', name: 'webhook' }
  const { requestsPerSecond } = config

  return {
    name: 'webhook',
    destinations: [destination],
    policy: {
      ...POLICY,
      pace: { perSecond: requestsPerSecond, burst: Math.max(1, Math.floor(requestsPerSecond)) },
    },
    route: () => ({ destinations: [destination] }),
    render: (notification) => render(config, notification),
    judge({ status, body }) {
      const said = excerpt(body)
      return judgeWebhookStatus(status, `the webhook answered ${status}${said === '' ? '' : ` ${said}`}`)
    },
  }
}

function render({ url, signingSecrets }: WebhookConfig, notification: Notification): OutgoingRequest {
  const { attemptedAt, deliveryId, event, message, payload } = notification
  const summary = JSON.stringify({
    TitleLink: message.link,
    Body: layout(message.sections, plainMarkup, { size: BODY_LIMIT, unit: 'characters' }),
    Type: truncate(cleanLine(event.type.slice(0, 4 * TYPE_LIMIT)), TYPE_LIMIT),
    Title: cleanLine(message.title),
  })
  // Flux's own bytes: parsing and printing them again would cost memory, and change numbers and the order of keys.
  const body = Buffer.concat([Buffer.from(`${summary.slice(0, -1)},"Event":`), payload, Buffer.from('}')])
  const timestamp = String(Math.floor(attemptedAt / SECOND))
  return {
    method: 'POST',
    url,
    headers: {
      'content-type': 'application/json',
      'user-agent': 'fluxcloud',
      'webhook-id': deliveryId,
      'webhook-timestamp': timestamp,
      ...(signingSecrets.length > 0 && {
        'webhook-signature': signingSecrets
          .map((secret) => sign(secret, deliveryId, timestamp, body))
          .join(' '),
      }),
    },
    body,
  }
}

export default fp<WebhookConfig>(async (app, config) => app.exporters.add(createWebhookExporter(config)), {
  name: 'webhook-exporter',
  dependencies: ['exporters'],
  fastify: '5.x',
})
