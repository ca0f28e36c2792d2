import { request } from 'undici'
import { WebSocket, type RawData } from 'ws'
import type { WireEvent } from './events.ts'

/** How fluxcloud answered an event. */
export interface Posted {
  readonly status: number
  readonly ms: number
}

export interface Daemon {
  /** Posts an event as fluxd does: no Content-Type, and anything but an empty 2xx would be a failure. */
  post(event: WireEvent): Promise<Posted>
  disconnect(): void
}

export interface DaemonOptions {
  /** What would be `--connect` of a real one: `ws://127.0.0.1:3031/prod-eu`. */
  readonly connect: string
  readonly version: string
}

/** A stand-in for fluxd: connects by websocket, where it answers what it is asked, and posts events. */
export async function startDaemon({ connect, version }: DaemonOptions): Promise<Daemon> {
  const headers = { 'user-agent': `fluxd/${version}` }
  const socket = new WebSocket(`${connect}/v11/daemon`, { headers })
  socket.on('message', (data) => {
    for (const reply of answer(data, version)) socket.send(Buffer.from(reply), { binary: true })
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  const events = `${connect.replace(/^ws/, 'http')}/v6/events`
  return {
    async post(event) {
      const started = performance.now()
      const { statusCode, body } = await request(events, {
        method: 'POST',
        headers: { ...headers, accept: 'application/json' },
        body: JSON.stringify(event),
      })
      await body.dump()
      return { status: statusCode, ms: Math.ceil(performance.now() - started) }
    },
    disconnect: () => socket.close(1000, 'ok'),
  }
}

interface Call {
  readonly id: number
  readonly method: string
}

/** Go's net/rpc/jsonrpc. fluxcloud sends one call in one message; a real daemon may not count on that. */
function* answer(data: RawData, version: string): Generator<string> {
  if (!Buffer.isBuffer(data)) return
  for (const line of data.toString().split('\n')) {
    if (line.trim() === '') continue
    const { id, method } = JSON.parse(line) as Call
    const reply =
      method === 'RPCServer.Version'
        ? { id, result: version, error: null }
        : { id, result: null, error: `rpc: can't find method ${method}` }
    yield `${JSON.stringify(reply)}\n`
  }
}
