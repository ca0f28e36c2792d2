import type { Dispatcher } from 'undici'
import type { OutgoingRequest, TargetResponse } from '../exporter.ts'
import { retryAfterMs } from './retry-after.ts'

/** Past what is kept of an answer, this much is read to keep the connection; of more, the connection is closed. */
const DRAIN_BYTES = 64 * 1024

/** What one request came to. `retryAfterMs` is what the target asked for, if it did. */
export type SendResult =
  | {
      readonly kind: 'answered'
      readonly response: TargetResponse
      readonly retryAfterMs: number | undefined
    }
  /** No answer. Unless `aborted` by our own stop, the message may exist at the target all the same. */
  | { readonly kind: 'unanswered'; readonly reason: string; readonly aborted: boolean }

export interface SendOptions {
  /** Ends the attempt, whatever its state, after this many milliseconds. */
  readonly totalTimeoutMs: number
  readonly captureBytes: number
  readonly now: () => number
  /** Ends the attempt when the service stops. */
  readonly stop: AbortSignal
}

/**
 * Makes one request. Never throws, never follows a redirect, never reads more of an answer than it keeps and
 * a little: what it means is the exporter's to judge.
 */
export async function send(
  dispatcher: Dispatcher,
  request: OutgoingRequest,
  { totalTimeoutMs, captureBytes, now, stop }: SendOptions,
): Promise<SendResult> {
  const timeout = AbortSignal.timeout(totalTimeoutMs)
  const signal = AbortSignal.any([timeout, stop])
  try {
    const url = new URL(request.url.reveal())
    const { statusCode, headers, body } = await dispatcher.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: request.method,
      headers: { ...basicAuthentication(url), ...request.headers },
      body: request.body,
      signal,
    })
    const response = {
      status: statusCode,
      headers: flatten(headers),
      body: await capture(body, captureBytes),
    }
    return { kind: 'answered', response, retryAfterMs: retryAfterMs(response.headers['retry-after'], now()) }
  } catch (error) {
    if (stop.aborted)
      return { kind: 'unanswered', reason: 'interrupted because the service stops', aborted: true }
    const reason = timeout.aborted ? `no answer within ${totalTimeoutMs / 1000} s` : describe(error)
    return { kind: 'unanswered', reason, aborted: false }
  }
}

/** As every HTTP client does with `https://user:password@host/`. */
function basicAuthentication({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {}
  const credentials = `${decode(username)}:${decode(password)}`
  return { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** The first `limit` bytes; also what had arrived when the rest did not, since the status is known by then. */
async function capture(body: Dispatcher.ResponseData['body'], limit: number): Promise<string> {
  const chunks: Buffer[] = []
  let kept = 0
  let seen = 0
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      if (kept < limit) {
        chunks.push(chunk.subarray(0, limit - kept))
        kept += Math.min(chunk.length, limit - kept)
      }
      seen += chunk.length
      // Leaving the loop destroys the stream, and the connection with it.
      if (seen > limit + DRAIN_BYTES) break
    }
  } catch {
    // The status has been received: the exporter judges by it and by what there is of the body.
  }
  return Buffer.concat(chunks).toString()
}

function flatten(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const flat: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return flat
}

/** The error's code says enough and holds no URL; an error without one is named by its class. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'failed for an unknown reason'
  const code = (error as NodeJS.ErrnoException).code ?? error.name
  const known: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'the connection was refused',
    ECONNRESET: 'the connection was reset',
    ENOTFOUND: 'the host name does not exist',
    EAI_AGAIN: 'the host name could not be resolved',
    UND_ERR_CONNECT_TIMEOUT: 'the connection took too long',
    UND_ERR_HEADERS_TIMEOUT: 'the answer took too long',
    UND_ERR_SOCKET: 'the connection was closed',
  }
  return known[code] === undefined ? `failed with ${code}` : `${known[code]} (${code})`
}
