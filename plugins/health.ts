import fp from 'fastify-plugin'

/**
 * What Kubernetes probes. `/healthz` says that the process lives; `/readyz` that it takes events, which needs a
 * writable store. Neither asks a target: a broken Slack must not restart or unplug anything.
 */
export default fp(
  async (app) => {
    let draining = false
    app.addHook('preClose', async () => {
      draining = true
    })
    app.get('/healthz', async () => ({ status: 'ok' }))
    app.get('/readyz', async (_request, reply) => {
      if (draining) return reply.code(503).send({ status: 'draining' })
      try {
        await app.store.check()
        return { status: 'ok' }
      } catch (error) {
        app.log.error({ err: error }, 'not ready: the store cannot be written')
        return reply.code(503).send({ status: 'the store cannot be written' })
      }
    })
  },
  { name: 'health', dependencies: ['store'], fastify: '5.x' },
)
