import type { IncomingMessage } from 'node:http'
import Fastify, { LogController, type FastifyInstance } from 'fastify'
import slack from '../exporters/slack.ts'
import webhook from '../exporters/webhook.ts'
import connectHint from '../plugins/connect-hint.ts'
import daemonSocket from '../plugins/daemon-socket.ts'
import delivery, { defaultTimeouts, type Timeouts } from '../plugins/delivery.ts'
import errors from '../plugins/errors.ts'
import eventReader from '../plugins/event-reader.ts'
import events from '../plugins/events.ts'
import exporters from '../plugins/exporters.ts'
import health from '../plugins/health.ts'
import metrics from '../plugins/metrics.ts'
import store from '../plugins/store.ts'
import { systemClock, type Clock } from './clock.ts'
import { secretsOf, type Config } from './config.ts'
import { rewriteUpstreamUrl } from './flux/upstream-path.ts'
import type { LogStream } from './log-stream.ts'
import { loggerOptions } from './logger.ts'
import { createRedactor } from './redact.ts'

/** What tests hold still or shorten; the service runs with the defaults. */
export interface Surroundings {
  readonly clock?: Clock
  readonly random?: () => number
  readonly timeouts?: Timeouts
  readonly logStream?: LogStream
}

/**
 * Builds the service without listening: every concern is a plugin, registered here in the order in which they
 * need each other, and closed in the reverse order.
 */
export async function buildApp(config: Config, surroundings: Surroundings = {}): Promise<FastifyInstance> {
  const { clock = systemClock, random = Math.random, timeouts = defaultTimeouts, logStream } = surroundings
  const { clusterName, maxEventBytes, duplicateWindowMs, dataDir, retention, links } = config
  const redact = createRedactor(secretsOf(config))

  const app = Fastify({
    logger: loggerOptions(config.logLevel, redact, logStream),
    // One line per event and per delivery, written by those who know what happened, instead of two per request.
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: (logger) => logger,
    http: { shouldUpgradeCallback: isWebsocketRequest },
    rewriteUrl: (request) => rewriteUpstreamUrl(request.url ?? '/'),
    requestTimeout: 60_000,
    // Longer than Go's 90 s for idle connections, so that it is fluxd who closes them, never in mid-request.
    keepAliveTimeout: 100_000,
    forceCloseConnections: 'idle',
  })

  // What the others stand on.
  await app.register(errors)
  await app.register(metrics)
  await app.register(store, { dataDir, duplicateWindowMs, retention, clock })
  await app.register(eventReader, { clock })

  // Where events go: each exporter that has settings registers itself.
  await app.register(exporters)
  if (config.slack) await app.register(slack, config.slack)
  if (config.webhook) await app.register(webhook, config.webhook)
  await app.register(delivery, { clock, random, links, redact, timeouts })

  // Where events come from.
  await app.register(events, { clock, clusterName, maxEventBytes, duplicateWindowMs })
  await app.register(daemonSocket, { clusterName, clock })
  await app.register(connectHint, { clock })

  // Who else looks in.
  await app.register(health)
  return app
}

/** Node would take any request with an Upgrade header out of the routes, `h2c` on a POST included. */
function isWebsocketRequest({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket'
}
