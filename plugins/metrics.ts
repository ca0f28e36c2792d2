import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from '@prometheus-io/client'
import fp from 'fastify-plugin'
import { version } from '../src/version.ts'

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Metrics
  }
}

/** Label values come from Flux and must not grow without bound, so types of the future share one. */
const KNOWN_TYPES = new Set([
  'sync',
  'commit',
  'release',
  'autorelease',
  'automate',
  'deautomate',
  'lock',
  'unlock',
  'update_policy',
])

export type EventOutcome = 'accepted' | 'duplicate' | 'invalid' | 'not_stored'
export type AttemptOutcome = 'delivered' | 'retry' | 'limited' | 'rejected' | 'disabled'
export type DeliveryOutcome = 'delivered' | 'dead' | 'expired' | 'suppressed'

export interface Metrics {
  /** @param type as Flux wrote it, or empty when the request held no event */
  event(type: string, outcome: EventOutcome): void
  attempt(destination: string, outcome: AttemptOutcome, seconds: number): void
  delivery(destination: string, outcome: DeliveryOutcome): void
  commit(seconds: number): void
  /** Adds a gauge whose values are asked for at every scrape. */
  gauge(name: string, help: string, label: string, read: () => Iterable<readonly [string, number]>): void
}

function createMetrics(registry: Registry): Metrics {
  const registers = [registry]
  const events = new Counter({
    name: 'fluxcloud_events_total',
    help: 'Events received from Flux, by type and by what became of them.',
    labelNames: ['type', 'outcome'],
    registers,
  })
  const attempts = new Histogram({
    name: 'fluxcloud_attempt_duration_seconds',
    help: 'Requests to a destination, by what the answer meant.',
    labelNames: ['destination', 'outcome'],
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15],
    registers,
  })
  const deliveries = new Counter({
    name: 'fluxcloud_deliveries_total',
    help: 'Deliveries that have ended, by how.',
    labelNames: ['destination', 'outcome'],
    registers,
  })
  const commits = new Histogram({
    name: 'fluxcloud_store_commit_duration_seconds',
    help: 'Transactions of the store, each with all writes that arrived together.',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1],
    registers,
  })
  new Gauge({
    name: 'fluxcloud_build_info',
    help: 'Always 1; the labels say which program this is.',
    labelNames: ['version', 'node'],
    registers,
  }).set({ version, node: process.version }, 1)
  return {
    event: (type, outcome) => events.inc({ type: typeLabel(type), outcome }),
    attempt: (destination, outcome, seconds) => attempts.observe({ destination, outcome }, seconds),
    delivery: (destination, outcome) => deliveries.inc({ destination, outcome }),
    commit: (seconds) => commits.observe(seconds),
    gauge(name, help, label, read) {
      const gauge: Gauge<string> = new Gauge<string>({
        name,
        help,
        labelNames: [label],
        registers,
        collect() {
          gauge.reset()
          for (const [value, number] of read()) gauge.set({ [label]: value }, number)
        },
      })
    },
  }
}

function typeLabel(type: string): string {
  if (KNOWN_TYPES.has(type)) return type
  return type === '' ? 'none' : 'other'
}

/** `/metrics` for Prometheus, and the instruments that the other plugins record with. */
export default fp(
  async (app) => {
    const registry = new Registry()
    collectDefaultMetrics({ register: registry })
    app.decorate('metrics', createMetrics(registry))
    app.get('/metrics', async (_request, reply) => {
      return reply.type(registry.contentType).send(await registry.metrics())
    })
    app.addHook('onClose', async () => registry.clear())
  },
  { name: 'metrics', fastify: '5.x' },
)
