import { createHash } from 'node:crypto'
import websocket, { type WebSocket } from '@fastify/websocket'
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Clock } from '../src/clock.ts'
import { startHeartbeat, type Heartbeat } from '../src/flux/heartbeat.ts'
import { MAX_REPLY_BYTES, RpcClient } from '../src/flux/rpc-client.ts'
import { RpcError } from '../src/flux/rpc-errors.ts'
import { clusterOf } from '../src/flux/upstream-path.ts'
import { printable } from '../src/printable.ts'

declare module 'fastify' {
  interface FastifyInstance {
    daemons: DaemonRegistry
  }
}

/** The Flux daemons that are connected to this process. */
interface DaemonRegistry {
  /** In the order in which they connected. */
  list(): readonly DaemonInfo[]
  /** Whether any daemon has connected since the process started. */
  everConnected(): boolean
}

interface DaemonInfo {
  readonly cluster: string
  /** Its User-Agent, `fluxd/1.25.4` or `flux-adapter`; empty when it sent none. */
  readonly agent: string
  /** What it answered when asked; absent until then. */
  readonly version?: string
  /** 11 for `/v11/daemon`; absent for a connection to `/`, which does not say. */
  readonly protocol?: number
  readonly remoteAddress: string
  /** Milliseconds since the epoch, as is `lastSeenAt`. */
  readonly connectedAt: number
  readonly lastSeenAt: number
}

export interface DaemonSocketOptions {
  /** The cluster of daemons that connect without a path prefix. */
  readonly clusterName: string
  readonly clock: Clock
  readonly timing?: Partial<Timing>
}

/** All in milliseconds. */
interface Timing {
  readonly pingEveryMs: number
  /** fluxd pings every 13 s and gives up after 30 s; we are the more patient side. */
  readonly idleTimeoutMs: number
  /** fluxd limits each operation to 10 s itself. */
  readonly rpcTimeoutMs: number
  /** How long a peer may take to answer a close before its socket is destroyed. */
  readonly closeGraceMs: number
}

const TIMING: Timing = {
  pingEveryMs: 15_000,
  idleTimeoutMs: 45_000,
  rpcTimeoutMs: 10_000,
  closeGraceMs: 1000,
}

/** Flux 1.8.1 to 1.25.4 ask for v10 and v11, older ones and Weave's agents for the others. */
const OLDEST_PROTOCOL = 6
const NEWEST_PROTOCOL = 11

const MAX_TEXT_LENGTH = 200

// https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1
const NORMAL_CLOSURE = 1000
const GOING_AWAY = 1001
const PROTOCOL_ERROR = 1002
const INTERNAL_ERROR = 1011

interface Daemon {
  readonly identity: string
  readonly cluster: string
  readonly agent: string
  readonly protocol: number | undefined
  readonly remoteAddress: string
  readonly connectedAt: number
  readonly socket: WebSocket
  readonly heartbeat: Heartbeat
  readonly log: FastifyBaseLogger
  version?: string
}

/**
 * The channel on which a daemon can be asked things. fluxd dials us and is the RPC server; nothing that happens
 * here touches its syncing, and when it is cut off it comes back after five seconds.
 */
export default fp<DaemonSocketOptions>(
  async (app, { clusterName, clock, timing }) => {
    const { pingEveryMs, idleTimeoutMs, rpcTimeoutMs, closeGraceMs } = { ...TIMING, ...timing }
    const daemons = new Map<string, Daemon>()
    let everConnected = false

    app.decorate('daemons', {
      list: () => [...daemons.values()].map(describe),
      everConnected: () => everConnected,
    })
    app.metrics.gauge(
      'fluxcloud_daemons_connected',
      'Flux daemons that are connected, by cluster.',
      'cluster',
      () => countByCluster(daemons.values()),
    )

    // Of our own, because the default one sends no code. `closeTimeout` destroys the sockets of peers that do not
    // answer; ws alone waits 30 s for them, and the whole shutdown with it.
    async function preClose() {
      const server = app.websocketServer
      for (const client of server.clients) client.close(GOING_AWAY, 'shutting down')
      // An upgrade that a hook still holds is answered 503 from here on.
      server.close()
      // Later ones become plain requests, which Fastify answers with 503 and whose sockets Node looks after.
      app.server.removeAllListeners('upgrade')
    }

    const socketOptions = { maxPayload: MAX_REPLY_BYTES, closeTimeout: closeGraceMs }
    await app.register(websocket, { options: socketOptions, preClose, errorHandler: onSocketError })

    app.route<{ Params: { version: string } }>({
      method: 'GET',
      url: '/v:version/daemon',
      onRequest: async (request, reply) => {
        // Not 410 for old protocols: fluxd takes that as the order to exit, on every start.
        if (protocolOf(request) === undefined) return refuse(reply, 404, 'no such daemon protocol: v6 to v11')
      },
      handler: async (_request, reply) => {
        void reply.headers({ connection: 'upgrade', upgrade: 'websocket' })
        return refuse(reply, 426, 'this is where a Flux daemon opens a websocket')
      },
      wsHandler: (socket, request) => connect(socket, request, protocolOf(request)),
    })

    app.route({
      method: 'GET',
      url: '/',
      handler: async () => ({ service: 'fluxcloud', connect: 'fluxd --connect=ws://<this address>' }),
      wsHandler: (socket, request) => connect(socket, request, undefined),
    })

    function connect(socket: WebSocket, request: FastifyRequest, protocol: number | undefined): void {
      const cluster = clusterOf(request.originalUrl, clusterName)
      const log = app.log.child({ cluster, remoteAddress: request.ip })
      const rpc = new RpcClient({
        clock,
        write: (bytes) => socket.send(bytes, { binary: true }),
        onStrayReply: () => log.debug('ignored a reply that nobody waits for'),
      })
      const heartbeat = startHeartbeat({
        clock,
        pingEveryMs,
        idleTimeoutMs,
        ping: () => socket.ping(),
        onIdle() {
          log.warn({ idleTimeoutMs }, 'daemon fell silent, dropping its connection')
          socket.terminate()
        },
      })
      const daemon: Daemon = {
        identity: identityOf(cluster, request),
        cluster,
        agent: printable(request.headers['user-agent'] ?? '', MAX_TEXT_LENGTH),
        protocol,
        remoteAddress: request.ip,
        connectedAt: clock.now(),
        socket,
        heartbeat,
        log,
      }

      socket.on('ping', () => heartbeat.seen())
      socket.on('pong', () => heartbeat.seen())
      socket.on('message', (data, isBinary) => {
        heartbeat.seen()
        // fluxd ignores text messages, so its upstream does.
        if (!isBinary || !Buffer.isBuffer(data)) return
        try {
          rpc.feed(data)
        } catch (error) {
          log.warn({ err: error }, 'daemon does not speak JSON-RPC, closing its connection')
          socket.close(PROTOCOL_ERROR, 'not JSON-RPC')
        }
      })
      socket.on('close', (code, reason) => {
        heartbeat.stop()
        rpc.close(new RpcError('FLUX_RPC_CLOSED', `the connection was closed with code ${code}`))
        // A replaced connection has given its place to the newer one.
        if (daemons.get(daemon.identity) === daemon) daemons.delete(daemon.identity)
        const text = printable(reason.toString(), MAX_TEXT_LENGTH)
        log.info({ code, reason: text, connectedMs: clock.now() - daemon.connectedAt }, 'daemon disconnected')
      })

      log.info({ agent: daemon.agent, protocol }, 'daemon connected')
      everConnected = true
      admit(daemon)
      void learnVersion(daemon, rpc)
    }

    /** A daemon has one connection, and the newer is the one that it believes in. */
    function admit(daemon: Daemon): void {
      const older = daemons.get(daemon.identity)
      // Deleted first, so that the newer one is also the later one in the order of the map.
      daemons.delete(daemon.identity)
      daemons.set(daemon.identity, daemon)
      if (older === undefined) return
      older.log.info('daemon replaced by a newer connection of the same daemon')
      older.socket.close(NORMAL_CLOSURE, 'replaced by a newer connection')
    }

    async function learnVersion(daemon: Daemon, rpc: RpcClient): Promise<void> {
      try {
        const version = await rpc.call('RPCServer.Version', {}, { timeoutMs: rpcTimeoutMs })
        if (typeof version !== 'string') throw new TypeError('RPCServer.Version: the answer is not a string')
        daemon.version = printable(version, MAX_TEXT_LENGTH)
        daemon.log.info({ version: daemon.version }, 'daemon told its version')
      } catch (error) {
        if (error instanceof RpcError && error.code === 'FLUX_RPC_CLOSED') return
        // Its events are what matters, and they do not come this way.
        const reason = printable(error instanceof Error ? error.message : String(error), MAX_TEXT_LENGTH)
        daemon.log.warn({ reason }, 'daemon did not tell its version; keeping the connection')
      }
    }
  },
  { name: 'daemon-socket', dependencies: ['metrics'], fastify: '5.x' },
)

/** ws answers protocol errors with a close of its own; what is left is to be heard, and to end what it has not. */
function onSocketError(error: Error, socket: WebSocket, request: FastifyRequest): void {
  request.log.warn({ err: error }, 'error on a websocket')
  socket.close(INTERNAL_ERROR)
}

function refuse(reply: FastifyReply, statusCode: number, message: string): FastifyReply {
  const help = 'start fluxd with --connect=ws://HOST, or ws://HOST/CLUSTER to name its cluster'
  return reply.code(statusCode).send({ type: 'user', error: message, help })
}

function countByCluster(daemons: Iterable<Daemon>): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { cluster } of daemons) counts.set(cluster, (counts.get(cluster) ?? 0) + 1)
  return counts
}

function protocolOf(request: FastifyRequest): number | undefined {
  const { version } = request.params as { version: string }
  const protocol = /^\d{1,3}$/.test(version) ? Number(version) : 0
  return protocol >= OLDEST_PROTOCOL && protocol <= NEWEST_PROTOCOL ? protocol : undefined
}

/**
 * What makes two connections the same daemon's: cluster, credentials and address. Neither of the first two is
 * enough, as many run several fluxds with no token and no prefix; these would throw each other out every
 * five seconds for ever. The Authorization header is kept as a digest only.
 */
function identityOf(cluster: string, request: FastifyRequest): string {
  const credentials = createHash('sha256')
    .update(request.headers.authorization ?? '')
    .digest('hex')
  return JSON.stringify([cluster, credentials, request.ip])
}

function describe(daemon: Daemon): DaemonInfo {
  const { cluster, agent, version, protocol, remoteAddress, connectedAt, heartbeat } = daemon
  return {
    cluster,
    agent,
    remoteAddress,
    connectedAt,
    lastSeenAt: heartbeat.lastSeenAt(),
    ...(version !== undefined && { version }),
    ...(protocol !== undefined && { protocol }),
  }
}
