import fp from 'fastify-plugin'
import type { Destination, Exporter } from '../src/exporter.ts'

declare module 'fastify' {
  interface FastifyInstance {
    exporters: ExporterRegistry
  }
}

/** The exporters that the configuration asked for; each exporter's plugin registers exactly one. */
export interface ExporterRegistry {
  add(exporter: Exporter): void
  all(): readonly Exporter[]
  /** The exporter and destination that `key` names, or undefined when the configuration no longer has it. */
  find(key: string): { exporter: Exporter; destination: Destination } | undefined
}

function createRegistry(): ExporterRegistry {
  const exporters: Exporter[] = []
  const byKey = new Map<string, { exporter: Exporter; destination: Destination }>()
  return {
    add(exporter) {
      for (const destination of exporter.destinations) {
        if (byKey.has(destination.key)) throw new Error(`two destinations are called ${destination.key}`)
        byKey.set(destination.key, { exporter, destination })
      }
      exporters.push(exporter)
    },
    all: () => exporters,
    find: (key) => byKey.get(key),
  }
}

export default fp(async (app) => void app.decorate('exporters', createRegistry()), {
  name: 'exporters',
  fastify: '5.x',
})
