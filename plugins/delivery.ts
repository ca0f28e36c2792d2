import fp from 'fastify-plugin'
import { Agent, EnvHttpProxyAgent, type Dispatcher } from 'undici'
import type { Clock } from '../src/clock.ts'
import type { LinkConfig } from '../src/config.ts'
import type { Breaker } from '../src/delivery/breaker.ts'
import { Lane, type AttemptReport, type LaneWatcher } from '../src/delivery/lane.ts'
import { send } from '../src/delivery/send.ts'
import type { Destination, Exporter } from '../src/exporter.ts'
import { buildMessage } from '../src/message/build.ts'
import { createLinks } from '../src/message/links.ts'
import type { Redact } from '../src/redact.ts'
import type { Delivery } from '../src/store/store.ts'

declare module 'fastify' {
  interface FastifyInstance {
    delivery: {
      /** Says that these destinations have a new delivery. */
      wake(destinations: Iterable<string>): void
    }
  }
}

export interface DeliveryOptions {
  readonly clock: Clock
  readonly random: () => number
  readonly links: LinkConfig
  readonly redact: Redact
  readonly timeouts: Timeouts
}

/** In milliseconds. */
export interface Timeouts {
  readonly connect: number
  readonly headers: number
  readonly body: number
  readonly total: number
  /** How long a stop waits for attempts under way before it breaks them off. */
  readonly drain: number
}

export const defaultTimeouts: Timeouts = {
  connect: 5_000,
  headers: 10_000,
  body: 10_000,
  total: 15_000,
  drain: 5_000,
}

/** Sends what the store holds: one lane per destination, and the only HTTP client. */
export default fp<DeliveryOptions>(
  async (app, { clock, random, links: linkConfig, redact, timeouts }) => {
    const links = createLinks(linkConfig)
    const dispatcher = createDispatcher(timeouts)
    const stop = new AbortController()
    const lanes = new Map<string, Lane>()
    const watcher = createWatcher()

    const transmit = async (
      exporter: Exporter,
      destination: Destination,
      delivery: Delivery,
    ): ReturnType<typeof send> => {
      const { event, payload } = await app.eventReader.restore(delivery.payload)
      const { cluster } = delivery
      const message = buildMessage({ cluster, event, links })
      const request = exporter.render(
        { deliveryId: delivery.id, attemptedAt: clock.now(), cluster, event, message, payload },
        destination,
      )
      return send(dispatcher, request, {
        totalTimeoutMs: timeouts.total,
        captureBytes: exporter.policy.captureBytes,
        now: () => clock.now(),
        stop: stop.signal,
      })
    }

    function createWatcher(): LaneWatcher {
      return {
        attempted(report) {
          app.metrics.attempt(report.destination.key, report.judgement.kind, report.seconds)
          if (report.settlement.state !== 'waiting') {
            app.metrics.delivery(report.destination.key, report.settlement.state)
          }
          logAttempt(report)
        },
        breakerChanged({ key }, breaker) {
          if (breaker.state === 'closed') {
            app.log.info({ destination: key }, 'the target is back: deliveries go on')
            return
          }
          const probeInSeconds = Math.round(breaker.waitMs / 1000)
          app.log.warn({ destination: key, probeInSeconds }, 'the target keeps failing: deliveries wait')
        },
        storeFailed({ key }, error) {
          app.log.error({ destination: key, err: error }, 'the store failed a lane, which tries again')
        },
      }
    }

    function logAttempt({ delivery, destination, judgement, settlement, seconds }: AttemptReport): void {
      const { status, reason } = settlement.answer
      const line = {
        event: delivery.eventId,
        delivery: delivery.id,
        destination: destination.key,
        attempt: delivery.attempt,
        status,
        ms: Math.round(seconds * 1000),
      }
      if (settlement.state === 'delivered') app.log.info(line, 'delivered')
      else if (settlement.state === 'dead') app.log.error({ ...line, reason }, 'not delivered: dead letter')
      else {
        const retryAt = new Date(settlement.dueAt).toISOString()
        const isLimited = judgement.kind === 'limited'
        app.log.warn(
          { ...line, reason, retryAt },
          isLimited
            ? 'not delivered yet: the target asks for patience'
            : 'not delivered yet: will be tried again',
        )
      }
    }

    app.decorate('delivery', {
      wake(destinations) {
        for (const key of destinations) lanes.get(key)?.wake()
      },
    })

    app.metrics.gauge('fluxcloud_breaker_open', '1 while a destination is not sent to.', 'destination', () =>
      [...lanes].map(([key, lane]) => [key, isOpen(lane.breaker())]),
    )

    app.addHook('onReady', async () => {
      for (const exporter of app.exporters.all()) {
        for (const destination of exporter.destinations) {
          const lane = new Lane({
            exporter,
            destination,
            store: app.store,
            clock,
            random,
            redact,
            watcher,
            transmit: (delivery) => transmit(exporter, destination, delivery),
          })
          lanes.set(destination.key, lane)
          lane.start()
        }
      }
      warnOfOrphans()
    })

    function warnOfOrphans(): void {
      for (const { destination, waiting } of app.store.backlog()) {
        if (waiting === 0 || lanes.has(destination)) continue
        app.log.warn(
          { destination, waiting },
          'deliveries wait for a destination that is no longer configured; they expire unless it returns',
        )
      }
    }

    app.addHook('onClose', async () => {
      const settled = Promise.all([...lanes.values()].map((lane) => lane.stop()))
      const breakOff = setTimeout(() => stop.abort(), timeouts.drain)
      await settled
      clearTimeout(breakOff)
      await dispatcher.destroy()
    })
  },
  { name: 'delivery', dependencies: ['metrics', 'store', 'event-reader', 'exporters'], fastify: '5.x' },
)

function isOpen(breaker: Breaker): number {
  return breaker.state === 'open' ? 1 : 0
}

/** Like other HTTP clients, through a proxy where HTTP_PROXY, HTTPS_PROXY and NO_PROXY say so. */
function createDispatcher({ connect, headers, body }: Timeouts): Dispatcher {
  const options: Agent.Options = {
    connect: { timeout: connect },
    headersTimeout: headers,
    bodyTimeout: body,
    // One connection with many streams would let one stuck proxy hold every destination behind it.
    allowH2: false,
  }
  const proxied = ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY'].some((name) => process.env[name])
  return proxied ? new EnvHttpProxyAgent(options) : new Agent(options)
}
