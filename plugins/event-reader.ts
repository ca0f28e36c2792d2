import fp from 'fastify-plugin'
import type { Clock } from '../src/clock.ts'
import { EventReader } from '../src/flux/event-reader.ts'

declare module 'fastify' {
  interface FastifyInstance {
    eventReader: EventReader
  }
}

/** Decodes events for those who take them in and for those who deliver them. */
export default fp<{ readonly clock: Clock }>(
  async (app, { clock }) => {
    const reader = new EventReader(clock)
    app.decorate('eventReader', reader)
    app.addHook('onClose', () => reader.close())
  },
  { name: 'event-reader', fastify: '5.x' },
)
