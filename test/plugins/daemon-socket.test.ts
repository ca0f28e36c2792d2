import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { connect as connectTcp, type AddressInfo, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import metrics from '../../plugins/metrics.ts'
import daemonSocket, { type DaemonSocketOptions } from '../../plugins/daemon-socket.ts'
import { systemClock } from '../../src/clock.ts'
import { rewriteUpstreamUrl } from '../../src/flux/upstream-path.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { eventually } from '../support/eventually.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

interface LogLine {
  readonly level: number
  readonly msg: string
  readonly [key: string]: unknown
}

async function listen(options: Partial<DaemonSocketOptions> = {}, extend?: (app: FastifyInstance) => void) {
  const logs: LogLine[] = []
  const app = fastify({
    rewriteUrl: (request) => rewriteUpstreamUrl(request.url ?? '/'),
    logger: {
      level: 'debug',
      stream: { write: (line: string) => void logs.push(JSON.parse(line) as LogLine) },
    },
  })
  extend?.(app)
  await app.register(metrics)
  await app.register(daemonSocket, { clusterName: 'default', clock: systemClock, ...options })
  await app.listen({ port: 0, host: '127.0.0.1' })
  cleanups.push(() => app.close())
  const { port } = app.server.address() as AddressInfo
  const logged = (msg: string) => logs.filter((line) => line.msg.includes(msg))
  return { app, port, logs, logged }
}

interface Request {
  readonly method: string
  readonly params: unknown[]
  readonly id: number
}

interface FakeFluxd {
  readonly socket: WebSocket
  /** The connection below the websocket. */
  readonly tcp: Socket
  /** What it was asked, in order. */
  readonly asked: Request[]
  readonly closed: Promise<{ code: number; reason: string }>
}

interface FakeFluxdOptions {
  readonly path?: string
  readonly headers?: Record<string, string>
  /** Answers Version with this; without it, nothing is answered. */
  readonly version?: string | null
}

/** The daemon's side: dials, and is the RPC server. */
async function dial(port: number, options: FakeFluxdOptions = {}): Promise<FakeFluxd> {
  const { path = '/v11/daemon', headers = {}, version = '1.25.4' } = options
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, {
    headers: { 'user-agent': 'fluxd/1.25.4', ...headers },
  })
  cleanups.push(() => socket.terminate())
  const asked: Request[] = []
  socket.on('message', (data, isBinary) => {
    if (!isBinary) throw new Error('fluxd would not have seen this: it is not binary')
    const request = JSON.parse((data as Buffer).toString()) as Request
    asked.push(request)
    if (version !== null) answer(socket, request.id, version)
  })
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }))
  })
  const upgraded = once(socket, 'upgrade')
  await once(socket, 'open')
  const [response] = (await upgraded) as [IncomingMessage]
  return { socket, tcp: response.socket, asked, closed }
}

const answer = (socket: WebSocket, id: number, result: unknown, error: string | null = null) =>
  socket.send(Buffer.from(`${JSON.stringify({ id, result, error })}\n`))

/** From now on nothing that arrives is read, as if the node had died. */
const goDeaf = (fluxd: FakeFluxd) => fluxd.socket.pause()

/** Opens a websocket that is refused, and returns the answer. */
async function refusal(port: number, path: string) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`)
  socket.on('error', () => undefined)
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage]
  const body = await text(response)
  const json = /json/.test(response.headers['content-type'] ?? '')
  return { status: response.statusCode, body: json ? (JSON.parse(body) as unknown) : body }
}

describe('a daemon that connects', () => {
  test('is asked its version with one empty argument, and is listed with it', async () => {
    const { app, port } = await listen()
    expect(app.daemons.everConnected()).toBe(false)
    const before = Date.now()
    const fluxd = await dial(port)
    await eventually(() => expect(app.daemons.list()[0]?.version).toBe('1.25.4'))
    expect(fluxd.asked).toEqual([{ method: 'RPCServer.Version', params: [{}], id: 1 }])
    expect(app.daemons.everConnected()).toBe(true)
    const [info] = app.daemons.list()
    expect(info).toEqual({
      cluster: 'default',
      agent: 'fluxd/1.25.4',
      version: '1.25.4',
      protocol: 11,
      remoteAddress: '127.0.0.1',
      connectedAt: expect.any(Number),
      lastSeenAt: expect.any(Number),
    })
    expect(info!.connectedAt).toBeGreaterThanOrEqual(before)
    expect(info!.lastSeenAt).toBeGreaterThanOrEqual(info!.connectedAt)
  })

  test.each([
    ['/v6/daemon', 'default', 6],
    ['/v10/daemon', 'default', 10],
    ['/v11/daemon?x=1', 'default', 11],
    ['/', 'default', undefined],
    ['/prod-eu/v11/daemon', 'prod-eu', 11],
    ['/team/prod%20eu/v9/daemon', 'team/prod eu', 9],
    ['/api/flux/v11/daemon', 'default', 11],
  ])('at %s is of cluster %s', async (path, cluster, protocol) => {
    const { app, port } = await listen()
    await dial(port, { path })
    await eventually(() => expect(app.daemons.list()[0]?.version).toBe('1.25.4'))
    expect(app.daemons.list()).toHaveLength(1)
    expect(app.daemons.list()[0]).toMatchObject({ cluster })
    expect(app.daemons.list()[0]?.protocol).toBe(protocol)
  })

  test('is forgotten when it leaves, but that it came is remembered', async () => {
    const clock = fakeClock()
    const { app, port, logged } = await listen({ clock })
    const { socket } = await dial(port)
    socket.close(1000, 'ok')
    await eventually(() => expect(app.daemons.list()).toEqual([]))
    expect(app.daemons.everConnected()).toBe(true)
    expect(logged('daemon disconnected')).toMatchObject([{ code: 1000, reason: 'ok', cluster: 'default' }])
    clock.advance(60 * 60_000)
    expect(logged('fell silent')).toEqual([])
  })

  test('may split its answer over messages and say other things meanwhile', async () => {
    const { app, port } = await listen()
    const { socket, asked } = await dial(port, { version: null })
    await eventually(() => expect(asked).toHaveLength(1))
    const bytes = Buffer.from('{"id":99,"result":{},"error":null}\n{"id":1,"result":"1.2é","error":null}\n')
    socket.send('text messages are ignored')
    for (const byte of bytes) socket.send(Buffer.of(byte))
    await eventually(() => expect(app.daemons.list()[0]?.version).toBe('1.2é'))
  })

  test('stays connected when it cannot tell its version', async () => {
    const { app, port, logged } = await listen()
    const { socket, asked } = await dial(port, { version: null })
    await eventually(() => expect(asked).toHaveLength(1))
    answer(socket, 1, null, "rpc: can't find method RPCServer.Version")
    await eventually(() => expect(logged('did not tell its version')).toHaveLength(1))
    expect(app.daemons.list()).toHaveLength(1)
    expect(app.daemons.list()[0]).not.toHaveProperty('version')
    expect(socket.readyState).toBe(WebSocket.OPEN)
  })

  test('has ten seconds to tell its version, like any operation', async () => {
    const clock = fakeClock()
    const { app, port, logged } = await listen({ clock })
    const { socket, asked } = await dial(port, { version: null })
    await eventually(() => expect(asked).toHaveLength(1))
    clock.advance(10_000)
    await eventually(() => expect(logged('did not tell its version')).toHaveLength(1))
    expect(app.daemons.list()).toHaveLength(1)
    expect(socket.readyState).toBe(WebSocket.OPEN)
  })

  test('cannot write what it likes into the log and the list', async () => {
    const { app, port, logs } = await listen()
    const agent = 'a'.repeat(300)
    await dial(port, { headers: { 'user-agent': agent }, version: `\u001b[31m${'v'.repeat(300)}` })
    await eventually(() => expect(app.daemons.list()[0]?.version).toBe(`[31m${'v'.repeat(196)}`))
    expect(app.daemons.list()[0]?.agent).toBe('a'.repeat(200))
    expect(JSON.stringify(logs)).not.toContain('a'.repeat(201))
  })

  test('keeps its credentials to itself: no log line holds them', async () => {
    const { port, logs, logged } = await listen()
    const headers = { authorization: 'Scope-Probe token=topsecret' }
    const first = await dial(port, { headers })
    await dial(port, { headers })
    await first.closed
    await eventually(() => expect(logged('told its version')).toHaveLength(2))
    expect(JSON.stringify(logs)).not.toMatch(/topsecret|Scope-Probe|authorization/i)
  })
})

describe('several connections', () => {
  test('of the same daemon: the newer one wins, the older is closed cleanly', async () => {
    const { app, port, logged } = await listen()
    const older = await dial(port)
    const newer = await dial(port, { version: 'newer' })
    expect(await older.closed).toEqual({ code: 1000, reason: 'replaced by a newer connection' })
    await eventually(() => expect(logged('daemon disconnected')).toHaveLength(1))
    await eventually(() => expect(app.daemons.list()).toMatchObject([{ version: 'newer' }]))
    expect(newer.socket.readyState).toBe(WebSocket.OPEN)
    expect(logged('replaced')).toHaveLength(1)
  })

  test('are listed in the order of connecting, a daemon that came back last', async () => {
    const { app, port } = await listen()
    for (const path of ['/prod/v11/daemon', '/dev/v11/daemon', '/prod/v11/daemon']) await dial(port, { path })
    await eventually(() => expect(app.daemons.list().map((d) => d.cluster)).toEqual(['dev', 'prod']))
  })

  test('an older one that does not answer the close is cut off', async () => {
    const { port, logged } = await listen({ timing: { closeGraceMs: 50 } })
    const older = await dial(port)
    goDeaf(older)
    await dial(port)
    await eventually(() => expect(logged('daemon disconnected')).toMatchObject([{ code: 1006 }]))
  })

  test('of two clusters, or with two tokens: both stay', async () => {
    const { app, port } = await listen()
    const fluxds = [
      await dial(port, { path: '/prod/v11/daemon' }),
      await dial(port, { path: '/dev/v11/daemon' }),
      await dial(port, { headers: { authorization: 'Scope-Probe token=a' } }),
      await dial(port, { headers: { authorization: 'Scope-Probe token=b' } }),
    ]
    await eventually(() => expect(app.daemons.list().filter((d) => d.version !== undefined)).toHaveLength(4))
    expect(app.daemons.list().map((d) => d.cluster)).toEqual(['prod', 'dev', 'default', 'default'])
    expect(fluxds.map((fluxd) => fluxd.socket.readyState)).toEqual([1, 1, 1, 1])
  })

  test('of two fluxds without prefix and token on different addresses: both stay', async () => {
    const { app, port } = await listen()
    const other = new WebSocket(`ws://127.0.0.1:${port}/v11/daemon`, { localAddress: '127.0.0.2' })
    cleanups.push(() => other.terminate())
    await once(other, 'open')
    await dial(port)
    await eventually(() => expect(app.daemons.list()).toHaveLength(2))
    expect(app.daemons.list().map((d) => d.remoteAddress)).toEqual(['127.0.0.2', '127.0.0.1'])
    expect(other.readyState).toBe(WebSocket.OPEN)
  })
})

describe('silence', () => {
  test('a daemon that answers pings stays, one that does not is dropped after 45 s', async () => {
    const clock = fakeClock()
    const { app, port, logged } = await listen({ clock })
    const alive = await dial(port, { path: '/alive/v11/daemon' })
    const dead = await dial(port, { path: '/dead/v11/daemon' })
    await eventually(() => expect(app.daemons.list().every((d) => d.version !== undefined)).toBe(true))
    goDeaf(dead)
    for (let seconds = 15; seconds <= 45; seconds += 15) {
      const pinged = once(alive.socket, 'ping')
      clock.advance(15_000)
      await pinged
      await eventually(() => {
        const info = app.daemons.list().find((d) => d.cluster === 'alive')
        expect(info?.lastSeenAt).toBe(clock.now())
      })
    }
    await eventually(() => expect(app.daemons.list().map((d) => d.cluster)).toEqual(['alive']))
    expect(logged('fell silent')).toMatchObject([{ cluster: 'dead' }])
    expect(alive.socket.readyState).toBe(WebSocket.OPEN)
  })
})

describe('a peer that misbehaves harms only its own connection', () => {
  test.each([
    ['garbage', ({ socket }: FakeFluxd) => socket.send(Buffer.from('GET / HTTP/1.1\n')), 1002],
    ['a frame that no websocket sends', ({ tcp }: FakeFluxd) => tcp.write('\xff\xff\xff'), 1002],
    [
      'more than 32 MiB at once',
      ({ socket }: FakeFluxd) => socket.send(Buffer.alloc(32 * 1024 * 1024 + 1)),
      1009,
    ],
  ])('%s', async (_name, misbehave, code) => {
    const { app, port } = await listen()
    const good = await dial(port, { path: '/good/v11/daemon' })
    const bad = await dial(port, { path: '/bad/v11/daemon' })
    bad.socket.on('error', () => undefined)
    misbehave(bad)
    expect(await bad.closed).toMatchObject({ code })
    await eventually(() => expect(app.daemons.list().map((d) => d.cluster)).toEqual(['good']))
    expect(good.socket.readyState).toBe(WebSocket.OPEN)
    await eventually(() => expect(app.daemons.list()[0]?.version).toBe('1.25.4'))
  })

  test('a line that never ends, over many messages', async () => {
    const { app, port } = await listen()
    const { socket, closed } = await dial(port)
    for (let i = 0; i < 33; i += 1) socket.send(Buffer.alloc(1024 * 1024, 'x'))
    expect(await closed).toMatchObject({ code: 1002 })
    await eventually(() => expect(app.daemons.list()).toEqual([]))
  })

  test('a connection that is reset', async () => {
    const { app, port } = await listen()
    const { tcp } = await dial(port)
    tcp.resetAndDestroy()
    await eventually(() => expect(app.daemons.list()).toEqual([]))
    await dial(port)
    await eventually(() => expect(app.daemons.list()).toHaveLength(1))
  })
})

describe('what is not a daemon', () => {
  test('other protocols are 404, also as an upgrade, and never 410', async () => {
    const { port } = await listen()
    for (const path of ['/v5/daemon', '/v12/daemon', '/v0/daemon', '/prod/v1/daemon']) {
      const body = {
        type: 'user',
        error: expect.stringContaining('v6 to v11'),
        help: expect.stringContaining('--connect'),
      }
      expect(await refusal(port, path)).toEqual({ status: 404, body })
      const plain = await fetch(`http://127.0.0.1:${port}${path}`)
      expect(plain.status).toBe(404)
      expect(await plain.json()).toEqual(body)
    }
    expect((await refusal(port, '/nothing')).status).toBe(404)
  })

  test('a plain GET on the path of daemons is told to upgrade', async () => {
    const { port } = await listen()
    const response = await fetch(`http://127.0.0.1:${port}/prod/v11/daemon`)
    expect(response.status).toBe(426)
    expect(response.headers.get('upgrade')).toBe('websocket')
    expect(await response.json()).toMatchObject({ type: 'user', help: expect.stringContaining('--connect') })
  })

  test('a person at / is told how to connect, in words that do not come from the request', async () => {
    const { port } = await listen()
    const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-forwarded-host': 'evil' } })
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({
      service: 'fluxcloud',
      connect: 'fluxd --connect=ws://<this address>',
    })
  })
})

describe('shutdown', () => {
  test('says so to daemons, and does not wait for one that never answers', async () => {
    const { app, port } = await listen()
    const polite = await dial(port, { path: '/polite/v11/daemon' })
    const deaf = await dial(port, { path: '/deaf/v11/daemon' })
    goDeaf(deaf)
    const startedAt = performance.now()
    const closing = app.close()
    expect(await polite.closed).toEqual({ code: 1001, reason: 'shutting down' })
    await closing
    expect(performance.now() - startedAt).toBeLessThan(1500)
  })

  test('is quick when everybody answers', async () => {
    const { app, port } = await listen()
    await dial(port)
    const startedAt = performance.now()
    await app.close()
    expect(performance.now() - startedAt).toBeLessThan(500)
  })

  test('refuses upgrades that come meanwhile with 503', async () => {
    const { app, port } = await listen()
    goDeaf(await dial(port))
    const tcp = connectTcp(port, '127.0.0.1')
    cleanups.push(() => tcp.destroy())
    // The head of a request has begun, so this connection is not an idle one that closing cuts off.
    tcp.write('GET /v11/daemon HTTP/1.1\r\nHost: fluxcloud\r\n')
    await eventually(async () => expect(await connections(app)).toBe(2))
    const closing = app.close()
    await eventually(() => expect(app.server.listening).toBe(false))
    tcp.write(
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
    expect(await text(tcp)).toMatch(/^HTTP\/1\.1 503 /)
    await closing
  })

  test('an upgrade that a hook still holds is refused as well', async () => {
    let release: (() => void) | undefined
    let held = false
    const { app, port } = await listen({}, (app) => {
      app.addHook('onRequest', async () => {
        held = true
        await new Promise<void>((resolve) => (release = resolve))
      })
    })
    const refused = refusal(port, '/v11/daemon')
    await eventually(() => expect(held).toBe(true))
    const closing = app.close()
    await eventually(() => expect(app.server.listening).toBe(false))
    release?.()
    expect(await refused).toMatchObject({ status: 503 })
    await closing
    expect(app.daemons.list()).toEqual([])
  })
})

const connections = (app: FastifyInstance) =>
  new Promise<number>((resolve) => app.server.getConnections((_error, count) => resolve(count)))
