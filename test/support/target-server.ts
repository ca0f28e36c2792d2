import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface ReceivedRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** Answers one request; the n-th of this server, counted from 0. */
export type Behaviour = (response: ServerResponse, request: ReceivedRequest, n: number) => void

export interface TargetServer {
  readonly url: string
  readonly requests: readonly ReceivedRequest[]
  close(): Promise<void>
}

/** Somebody else's server: a real one on 127.0.0.1 that behaves as badly as the test wants. */
export async function targetServer(behaviour: Behaviour): Promise<TargetServer> {
  const requests: ReceivedRequest[] = []
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const { method = '', url = '', headers } = incoming
      const request = { method, path: url, headers, body: Buffer.concat(chunks).toString() }
      requests.push(request)
      behaviour(response, request, requests.length - 1)
    })
  })
  await listen(server)
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  onTestFinished(close)
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/in/secret-path-42`,
    requests,
    close,
  }
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
}

export function answer(status: number, body = '', headers: Record<string, string> = {}): Behaviour {
  return (response) => void response.writeHead(status, headers).end(body)
}

/** Each answer once, in turn; the last one for ever. */
export function inTurn(...behaviours: Behaviour[]): Behaviour {
  return (response, request, n) => behaviours[Math.min(n, behaviours.length - 1)]?.(response, request, n)
}

/** Takes the request and never says a word. */
export const hang: Behaviour = () => {}

export const reset: Behaviour = (response) => void response.socket?.resetAndDestroy()

/** A good status, and then a body that does not come. */
export const slowBody: Behaviour = (response) => {
  response.writeHead(200, { 'content-type': 'text/plain' })
  response.write('o')
}

export function hugeBody(status: number, bytes: number): Behaviour {
  return (response) => void response.writeHead(status).end(Buffer.alloc(bytes, 'x'))
}
