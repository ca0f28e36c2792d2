import Fastify from 'fastify'

/** The baseline: Fastify, which parses the same JSON and forgets it. */
const app = Fastify()
app.post('/v6/events', async (_request, reply) => reply.code(200).send())
await app.listen({ host: '127.0.0.1', port: Number(process.argv[2]) })
