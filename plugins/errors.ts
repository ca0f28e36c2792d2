import type { FastifyError } from 'fastify'
import fp from 'fastify-plugin'
import { InvalidEventError } from '../src/flux/decode.ts'
import { StoreError } from '../src/store/store.ts'

/** Flux's own form of an error, which fluxd and fluxctl print: pkg/errors/errors.go of fluxcd/flux. */
interface ErrorBody {
  readonly type: 'user' | 'missing' | 'server'
  readonly error: string
  readonly help: string
}

interface Answer {
  readonly status: number
  readonly body: ErrorBody
}

/** Turns what goes wrong in a request into an answer that says what, and what to do about it. */
export default fp(
  async (app) => {
    app.setErrorHandler<Error>((error, request, reply) => {
      const { status, body } = toAnswer(error)
      const line = { method: request.method, status, error: body.error }
      if (status < 500) app.log.warn(line, 'request refused')
      else app.log.error({ ...line, err: error }, 'request failed')
      // The store may be back in a moment; fluxd keeps the event and comes back by itself.
      if (status === 503) void reply.header('retry-after', '5')
      return reply.code(status).send(body)
    })
    app.setNotFoundHandler((request, reply) => {
      const help =
        'fluxd connects to /v11/daemon and posts to /v6/events: its argument is --connect=ws://HOST'
      const error = `there is nothing at ${request.method} ${request.url.slice(0, 200)}`
      return reply.code(404).send({ type: 'missing', error, help } satisfies ErrorBody)
    })
  },
  { name: 'errors', fastify: '5.x' },
)

function toAnswer(error: Error): Answer {
  if (error instanceof InvalidEventError) {
    const help = 'an event is what fluxd posts: one JSON object with a type'
    return { status: 400, body: { type: 'user', error: error.message, help } }
  }
  if (error instanceof StoreError) {
    const help = 'nothing was stored; send the event again later, as fluxd does by itself'
    return { status: 503, body: { type: 'server', error: error.message, help } }
  }
  const { statusCode = 500, code } = error as Partial<FastifyError>
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    const help = 'raise MAX_EVENT_SIZE in the settings of fluxcloud'
    return { status: 413, body: { type: 'user', error: 'the event is larger than MAX_EVENT_SIZE', help } }
  }
  if (statusCode < 500) return { status: statusCode, body: { type: 'user', error: error.message, help: '' } }
  const help = "fluxcloud's log has the details"
  return { status: statusCode, body: { type: 'server', error: 'the request failed', help } }
}
