import { hash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Clock } from '../src/clock.ts'
import { InvalidEventError } from '../src/flux/decode.ts'
import type { FluxEvent } from '../src/flux/event.ts'
import { clusterOf } from '../src/flux/upstream-path.ts'
import type { NewDelivery } from '../src/store/store.ts'

export interface EventsOptions {
  readonly clock: Clock
  readonly clusterName: string
  readonly maxEventBytes: number
  readonly duplicateWindowMs: number
}

const BYTES = 'application/octet-stream'
const FINGERPRINT_BYTES = 16

/**
 * `POST /v6/events`: an event is answered as soon as it is committed, whatever the targets do. fluxd reads any
 * 2xx with an empty body as success; anything else makes it send the event again with every sync. Hence an
 * error only for what is not an event (4xx) and for what could not be stored (503).
 */
export default fp<EventsOptions>(
  async (app, { clock, clusterName, maxEventBytes, duplicateWindowMs }) => {
    await app.register(async (scope) => {
      // fluxd sends no Content-Type, other senders send all kinds, some of them malformed: the body is what counts.
      scope.removeAllContentTypeParsers()
      scope.addContentTypeParser(BYTES, { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
      scope.addHook('onRequest', (request, _reply, done) => {
        request.raw.headers['content-type'] = BYTES
        done()
      })
      scope.addHook('onError', async (_request, _reply, error) => {
        const isRefused = error instanceof InvalidEventError || (error.statusCode ?? 500) < 500
        app.metrics.event('', isRefused ? 'invalid' : 'not_stored')
      })
      scope.post('/v6/events', { bodyLimit: maxEventBytes }, receive)
    })

    async function receive(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
      const { event, stored } = await app.eventReader.read(body)
      const cluster = clusterOf(request.originalUrl, clusterName)
      const receivedAt = clock.now()
      const deliveries = deliveriesOf(event, receivedAt)
      const { kind, eventId } = await app.store.accept({
        receivedAt,
        cluster,
        type: event.type,
        fingerprint: fingerprint(event, cluster, request.headers.authorization),
        duplicatesSince: receivedAt - duplicateWindowMs,
        payload: stored,
        deliveries,
      })
      app.metrics.event(event.type, kind)
      const line = { event: eventId, cluster, type: event.type.slice(0, 100), bytes: body.length }
      if (kind === 'duplicate') {
        app.log.info(line, 'event received again: not sent again')
      } else {
        app.delivery.wake(deliveries.map((delivery) => delivery.destination))
        app.log.info({ ...line, deliveries: countToSend(deliveries) }, 'event accepted')
        reportSuppressed(eventId, deliveries)
      }
      return reply.code(200).send()
    }

    function deliveriesOf(event: FluxEvent, receivedAt: number): NewDelivery[] {
      const deliveries: NewDelivery[] = []
      for (const exporter of app.exporters.all()) {
        const route = exporter.route(event)
        const expiresAt = receivedAt + exporter.policy.expireAfterMs
        if ('suppressed' in route) {
          deliveries.push({ destination: exporter.name, expiresAt, suppressed: route.suppressed })
        }
        for (const { key } of route.destinations) deliveries.push({ destination: key, expiresAt })
      }
      return deliveries
    }

    function reportSuppressed(eventId: string, deliveries: readonly NewDelivery[]): void {
      for (const { destination, suppressed } of deliveries) {
        if (suppressed === undefined) continue
        app.metrics.delivery(destination, 'suppressed')
        app.log.info({ event: eventId, destination, reason: suppressed }, 'suppressed')
      }
    }
  },
  {
    name: 'events',
    dependencies: ['metrics', 'store', 'event-reader', 'exporters', 'delivery'],
    fastify: '5.x',
  },
)

function countToSend(deliveries: readonly NewDelivery[]): number {
  return deliveries.filter(({ suppressed }) => suppressed === undefined).length
}

/** What makes a resent event recognisable: what it says and which daemon says it, by cluster and token. */
function fingerprint(event: FluxEvent, cluster: string, authorization = ''): Uint8Array {
  // The lengths keep the three apart.
  const said = `${cluster.length};${authorization.length};${cluster}${authorization}${event.identity}`
  // By way of text, because a digest in a buffer of its own costs more than its computation.
  return Buffer.from(hash('sha256', said, 'hex').slice(0, 2 * FINGERPRINT_BYTES), 'hex')
}
