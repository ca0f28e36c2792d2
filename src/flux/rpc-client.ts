import type { Cancel, Clock } from '../clock.ts'
import { Lines } from './lines.ts'
import { RpcError } from './rpc-errors.ts'

/** Exports of large clusters run to megabytes; anything beyond this is not a daemon's answer. */
export const MAX_REPLY_BYTES = 32 * 1024 * 1024

/** How Go's net/rpc words it, whether the method or the whole service is unknown. */
const NO_METHOD = /^rpc: can't find (?:method|service) /

export interface RpcClientOptions {
  /** Sends bytes to the daemon. It may throw when the connection has gone. */
  readonly write: (bytes: Buffer) => void
  readonly clock: Clock
  /** The longest reply that is taken, in bytes. */
  readonly maxReplyBytes?: number
  /** Told of replies that nobody waits for: late ones, repeated ones, ones never asked for. */
  readonly onStrayReply?: (id: unknown) => void
}

interface PendingCall {
  readonly method: string
  readonly resolve: (result: unknown) => void
  readonly reject: (error: RpcError) => void
  readonly cancelTimeout: Cancel
}

/**
 * The calling side of JSON-RPC 1.0 as Go's net/rpc/jsonrpc speaks it (https://pkg.go.dev/net/rpc/jsonrpc), over
 * any byte stream. Go ends each value with a newline and never writes one inside, so lines are the framing;
 * where chunks begin and end means nothing. Replies come in any order.
 */
export class RpcClient {
  readonly #write: (bytes: Buffer) => void
  readonly #clock: Clock
  readonly #onStrayReply: (id: unknown) => void
  readonly #lines: Lines
  readonly #pending = new Map<unknown, PendingCall>()
  #lastId = 0
  #closed: RpcError | undefined

  constructor(options: RpcClientOptions) {
    this.#write = options.write
    this.#clock = options.clock
    this.#onStrayReply = options.onStrayReply ?? (() => undefined)
    this.#lines = new Lines(options.maxReplyBytes ?? MAX_REPLY_BYTES)
  }

  /**
   * Calls a method of the daemon.
   *
   * @param method with its service, `RPCServer.Version`
   * @param param the one argument that every method of Go's RPC has; `{}` for none
   * @returns the result as parsed from JSON, not validated
   * @throws RpcError of any code
   */
  call(method: string, param: unknown, { timeoutMs }: { readonly timeoutMs: number }): Promise<unknown> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed)
    this.#lastId += 1
    const id = this.#lastId
    return new Promise((resolve, reject) => {
      const cancelTimeout = this.#clock.after(timeoutMs, () => {
        this.#pending.delete(id)
        reject(new RpcError('FLUX_RPC_TIMEOUT', `${method}: no answer within ${timeoutMs} ms`))
      })
      this.#pending.set(id, { method, resolve, reject, cancelTimeout })
      try {
        this.#write(Buffer.from(`${JSON.stringify({ method, params: [param], id })}\n`))
      } catch (error) {
        this.#take(id)
        reject(new RpcError('FLUX_RPC_CLOSED', `${method}: could not be sent: ${String(error)}`))
      }
    })
  }

  /**
   * Takes the next bytes from the daemon; ignored once closed.
   *
   * @throws RpcError FLUX_RPC_PROTOCOL when they are no JSON-RPC; the client is closed then
   */
  feed(chunk: Buffer): void {
    if (this.#closed !== undefined) return
    try {
      for (const line of this.#lines.push(chunk)) {
        if (line.trim() !== '') this.#settle(parseReply(line))
      }
    } catch (error) {
      // A rejected call must not wait for its timeout because the stream broke for another.
      if (error instanceof RpcError) this.close(error)
      throw error
    }
  }

  /** Rejects every pending and every later call with `error`. Closing twice keeps the first error. */
  close(error: RpcError): void {
    if (this.#closed !== undefined) return
    this.#closed = error
    for (const id of this.#pending.keys()) this.#take(id)?.reject(error)
  }

  #settle(reply: Reply): void {
    const call = this.#take(reply.id)
    if (call === undefined) return this.#onStrayReply(reply.id)
    if (reply.error === null || reply.error === undefined) return call.resolve(reply.result)
    const text = typeof reply.error === 'string' ? reply.error : JSON.stringify(reply.error)
    const code = NO_METHOD.test(text) ? 'FLUX_RPC_NO_METHOD' : 'FLUX_RPC_REMOTE'
    call.reject(new RpcError(code, `${call.method}: ${text}`))
  }

  #take(id: unknown): PendingCall | undefined {
    const call = this.#pending.get(id)
    call?.cancelTimeout()
    this.#pending.delete(id)
    return call
  }
}

interface Reply {
  readonly id?: unknown
  readonly result?: unknown
  readonly error?: unknown
}

function parseReply(line: string): Reply {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw new RpcError('FLUX_RPC_PROTOCOL', 'a line is not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new RpcError('FLUX_RPC_PROTOCOL', 'a line is not a JSON-RPC reply')
  }
  return value
}
