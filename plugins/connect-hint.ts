import fp from 'fastify-plugin'
import type { Cancel, Clock } from '../src/clock.ts'

interface ConnectHintOptions {
  readonly clock: Clock
  /** How long to wait for the first daemon, in milliseconds. */
  readonly afterMs?: number
}

const THREE_MINUTES_MS = 3 * 60_000

/** Says once, after a while, what is missing when no daemon has ever come: the silence is hard to explain. */
export default fp<ConnectHintOptions>(
  async (app, { clock, afterMs = THREE_MINUTES_MS }) => {
    let cancel: Cancel | undefined

    app.addHook('onListen', async () => {
      cancel = clock.after(afterMs, () => {
        if (app.daemons.everConnected()) return
        const address = app.server.address()
        const port = typeof address === 'object' && address !== null ? address.port : 80
        app.log.warn(
          `no Flux daemon has connected yet: start fluxd with --connect=ws://fluxcloud (the name of this ` +
            `service), or with --connect=ws://127.0.0.1:${port} when both run in one pod`,
        )
      })
    })
    app.addHook('preClose', async () => cancel?.())
  },
  { name: 'connect-hint', fastify: '5.x', dependencies: ['daemon-socket'] },
)
