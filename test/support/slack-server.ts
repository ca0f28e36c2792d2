import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One message as Slack would show it. */
export interface SlackMessage {
  readonly channel: string
  readonly username: string
  /** What stands above the attachment. This and all below is mrkdwn, with `&`, `<` and `>` escaped, or empty. */
  readonly text: string
  /** Of the attachment, as is the rest. */
  readonly title: string
  readonly titleLink: string
  readonly body: string
  /** `#2eb886`. */
  readonly color: string
}

export interface SlackOptions {
  /** The channels that exist, with their `#`; any by default. */
  readonly channels?: readonly string[]
}

export interface SlackServer {
  /** What goes into SLACK_URL. */
  readonly url: string
  /** In the order in which they were posted. */
  readonly messages: readonly SlackMessage[]
  /** How many requests were answered with anything but `ok`. */
  refused(): number
  onMessage(listener: (message: SlackMessage) => void): void
  /** From now on and for so long: 429, and in Retry-After the seconds that are left. */
  limitFor(ms: number): void
  /** Answers everything so until `recover`: `failWith(404, 'no_service')`. */
  failWith(status: number, code: string): void
  recover(): void
  close(): Promise<void>
}

interface Answer {
  readonly status: number
  readonly body: string
  readonly retryAfterSeconds?: number
}

const PATH = '/services/T00000000/B00000000/not-a-real-hook'

/**
 * A Slack of one's own on 127.0.0.1: takes what an incoming webhook takes and answers as that does, in plain text.
 * https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
 */
export async function startSlackServer({ channels }: SlackOptions = {}): Promise<SlackServer> {
  const messages: SlackMessage[] = []
  const listeners: ((message: SlackMessage) => void)[] = []
  let refused = 0
  let limitedUntil = 0
  let failure: Answer | undefined

  const server = createServer((request, response) => void respond(request, response))

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = answerTo(request, await readBody(request))
    if (answer.status !== 200) refused++
    send(response, answer)
  }

  function answerTo({ method, url }: IncomingMessage, body: string): Answer {
    if (method !== 'POST' || url !== PATH) return { status: 404, body: 'no_service' }
    if (failure !== undefined) return failure
    const waitMs = limitedUntil - Date.now()
    if (waitMs > 0) {
      return { status: 429, body: 'rate_limited', retryAfterSeconds: Math.ceil(waitMs / 1000) }
    }
    const message = readMessage(body)
    if (typeof message === 'string') return { status: 400, body: message }
    if (channels !== undefined && !channels.includes(message.channel)) {
      return { status: 404, body: 'channel_not_found' }
    }
    messages.push(message)
    for (const listener of listeners) listener(message)
    return { status: 200, body: 'ok' }
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${PATH}`,
    messages,
    refused: () => refused,
    onMessage: (listener) => void listeners.push(listener),
    limitFor(ms) {
      limitedUntil = Date.now() + ms
    },
    failWith(status, code) {
      failure = { status, body: code }
    },
    recover() {
      failure = undefined
      limitedUntil = 0
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

function send(response: ServerResponse, { status, body, retryAfterSeconds }: Answer): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
  })
  response.end(body)
}

/** The message, or Slack's code for what is wrong with it. */
function readMessage(body: string): SlackMessage | 'invalid_payload' | 'no_text' {
  let payload: unknown
  try {
    payload = JSON.parse(body)
  } catch {
    return 'invalid_payload'
  }
  if (!isObject(payload) || textOf(payload, 'channel') === '') return 'invalid_payload'
  const attachments = payload['attachments'] ?? []
  if (!Array.isArray(attachments) || !attachments.every(isObject)) return 'invalid_payload'
  const attachment = attachments[0] ?? {}
  const message = {
    channel: textOf(payload, 'channel'),
    username: textOf(payload, 'username'),
    text: textOf(payload, 'text'),
    title: textOf(attachment, 'title'),
    titleLink: textOf(attachment, 'title_link'),
    body: textOf(attachment, 'text'),
    color: textOf(attachment, 'color'),
  }
  return message.text + message.title + message.body === '' ? 'no_text' : message
}

type JsonObject = Readonly<Record<string, unknown>>

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function textOf(object: JsonObject, name: string): string {
  const value = object[name]
  return typeof value === 'string' ? value : ''
}
