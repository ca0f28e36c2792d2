import { connect, type Socket } from 'node:net'

/** How one round went. */
export interface Round {
  readonly perSecond: number
  /** Milliseconds from the last byte of a request to the first of its answer. */
  readonly p50: number
  readonly p99: number
}

export interface LoadOptions {
  readonly port: number
  readonly connections: number
  readonly seconds: number
  /** Makes the body of the next event; every one must differ, or it is only a duplicate. */
  readonly nextBody: () => string
}

/**
 * Posts events over so many keep-alive connections, on each the next as soon as the last one was answered.
 * Plain sockets, because a full HTTP client would cost more than the server that it measures.
 *
 * @throws when an answer is anything but 200
 */
export async function load({ port, connections, seconds, nextBody }: LoadOptions): Promise<Round> {
  const latencies: number[] = []
  const started = performance.now()
  const until = started + seconds * 1000
  await Promise.all(
    Array.from({ length: connections }, () => oneConnection(port, until, nextBody, latencies)),
  )
  const elapsed = (performance.now() - started) / 1000
  const sorted = latencies.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? 0
  return { perSecond: sorted.length / elapsed, p50: at(0.5), p99: at(0.99) }
}

function oneConnection(
  port: number,
  until: number,
  nextBody: () => string,
  latencies: number[],
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true })
    let sentAt = 0
    const post = (): void => {
      const body = nextBody()
      sentAt = performance.now()
      socket.write(
        `POST /v6/events HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: application/json\r\n` +
          `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      )
    }
    socket.on('connect', post)
    // Answers are small and have no body: one arrives in one piece.
    socket.on('data', (data) => {
      const now = performance.now()
      if (!data.toString('latin1', 0, 12).startsWith('HTTP/1.1 200')) {
        socket.destroy()
        reject(new Error(`unexpected answer: ${data.toString('latin1', 0, 200)}`))
        return
      }
      latencies.push(now - sentAt)
      if (now < until) post()
      else socket.end()
    })
    socket.on('close', () => resolve())
    socket.on('error', reject)
  })
}

let serial = 0

/** A sync event of the size that fluxd sends for a commit that touches three workloads. */
export function syncEvent(): string {
  const revision = (++serial).toString(16).padStart(40, '0')
  return JSON.stringify({
    id: 0,
    serviceIDs: ['default:deployment/checkout', 'default:deployment/payments', 'default:helmrelease/redis'],
    type: 'sync',
    startedAt: '2026-11-22T10:00:00.123456789Z',
    endedAt: '2026-11-22T10:00:01.123456789Z',
    logLevel: 'info',
    message: '',
    metadata: {
      commits: [
        { revision, message: 'Raise the number of replicas of checkout before the sale starts' },
        { revision: revision.replace('0', 'f'), message: 'Release quay.io/acme/payments:1.42.0' },
      ],
      includes: { other: true, release: true },
    },
  })
}
