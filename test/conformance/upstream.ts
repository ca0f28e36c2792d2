import fastify, { type FastifyInstance } from 'fastify'
import daemonSocket from '../../plugins/daemon-socket.ts'
import { systemClock } from '../../src/clock.ts'
import { rewriteUpstreamUrl } from '../../src/flux/upstream-path.ts'

/**
 * What the real Flux client is run against, listening on `port` of 127.0.0.1.
 *
 * @param port 0 for any free one
 */
export async function startUpstream(port: number): Promise<FastifyInstance> {
  const app = await buildUpstream()
  await app.listen({ port, host: '127.0.0.1' })
  return app
}

async function buildUpstream(): Promise<FastifyInstance> {
  const app = fastify({ rewriteUrl: (request) => rewriteUpstreamUrl(request.url ?? '/') })
  await app.register(daemonSocket, { clusterName: 'default', clock: systemClock })
  // Flux posts without a Content-Type.
  app.addContentTypeParser(
    '*',
    { parseAs: 'string' },
    async (_request: unknown, body: string | Buffer) => body,
  )
  app.post('/v6/events', async (_request, reply) => reply.code(200).send())
  return app
}
