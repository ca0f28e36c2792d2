import { setImmediate as turn } from 'node:timers/promises'
import fp from 'fastify-plugin'
import type { Cancel, Clock } from '../src/clock.ts'
import { openSqliteStore } from '../src/store/sqlite-store.ts'
import type { Retention, Store } from '../src/store/store.ts'

declare module 'fastify' {
  interface FastifyInstance {
    store: Store
  }
}

export interface StoreOptions {
  readonly dataDir: string
  readonly duplicateWindowMs: number
  readonly retention: Retention
  readonly clock: Clock
}

const UPKEEP_EVERY_MS = 30_000

/** Opens the outbox, keeps it small, and closes it last. */
export default fp<StoreOptions>(
  async (app, { dataDir, duplicateWindowMs, retention, clock }) => {
    const store = openSqliteStore(dataDir, {
      duplicateWindowMs,
      onCommit: (seconds) => app.metrics.commit(seconds),
    })
    app.decorate('store', store)

    app.metrics.gauge('fluxcloud_queue_depth', 'Deliveries that wait, by destination.', 'destination', () =>
      store.backlog().map(({ destination, waiting }) => [destination, waiting]),
    )
    app.metrics.gauge(
      'fluxcloud_queue_oldest_seconds',
      'Age of the oldest event that still waits, by destination; 0 when none does.',
      'destination',
      () =>
        store
          .backlog()
          .map(({ destination, oldestReceivedAt }) => [
            destination,
            oldestReceivedAt === undefined ? 0 : (clock.now() - oldestReceivedAt) / 1000,
          ]),
    )

    let closing = false
    let cancel: Cancel = () => {}
    const upkeep = async (): Promise<void> => {
      try {
        await expire()
        while (!closing && (await store.prune(clock.now(), retention))) await turn()
      } catch (error) {
        if (!closing) app.log.error({ err: error }, 'the store could not be tidied up')
      }
      if (!closing) cancel = clock.after(UPKEEP_EVERY_MS, () => void upkeep())
    }
    const expire = async (): Promise<void> => {
      for (;;) {
        const expired = await store.expire(clock.now())
        for (const { eventId, id, destination } of expired) {
          app.metrics.delivery(destination, 'expired')
          app.log.error({ event: eventId, delivery: id, destination }, 'delivery expired: dead letter')
        }
        if (expired.length === 0 || closing) return
        await turn()
      }
    }
    // Before any lane starts, so that a long stop does not end in a burst of news from yesterday.
    app.addHook('onReady', upkeep)
    app.addHook('onClose', async () => {
      closing = true
      cancel()
      await store.close()
    })
  },
  { name: 'store', dependencies: ['metrics'], fastify: '5.x' },
)
