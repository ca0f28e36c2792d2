/**
 * Readers for the notations that settings are written in. Each returns the value, or undefined when the text
 * is not in that notation; config.ts says what to write instead.
 */

const DURATION_UNITS_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const SIZE_UNITS = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 } as const

/** `24h`, `90m`, `30d`, or a sum as Go writes it (`1h30m`). Milliseconds. */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d{1,9}(ms|[smhd]))+$/.test(text)) return undefined
  let total = 0
  for (const [, amount, unit] of text.matchAll(/(\d+)(ms|[smhd])/g)) {
    total += Number(amount) * DURATION_UNITS_MS[unit as keyof typeof DURATION_UNITS_MS]
  }
  return total
}

/** `16MiB`, `512 KB`, `1G`, or plain bytes; every unit is a power of 1024. Bytes. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d{1,12})\s*([kmg]?)(i?b)?$/i.exec(text)
  if (match === null) return undefined
  return Number(match[1]) * SIZE_UNITS[(match[2] ?? '').toLowerCase() as keyof typeof SIZE_UNITS]
}

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/**
 * Go's listen address (`:3031`, `host:port`, `[::]:port`), and a bare port, which the original failed on without
 * a word. No host means every interface, IPv4 and IPv6.
 */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:(\[[0-9a-fA-F:.%]+\]|[^\s:[\]]*):)?(\d{1,5})$/.exec(text)
  if (match === null) return undefined
  const port = Number(match[2])
  if (port > 65_535) return undefined
  const host = (match[1] ?? '').replace(/^\[|\]$/g, '')
  return { host: host === '' ? '::' : host, port }
}

/** An absolute http or https URL that something is posted to; `user:password@` becomes Basic authentication. */
export function parseTargetUrl(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined
}

/** An absolute http or https URL that people are shown, hence without `user:password@`. */
export function parsePageUrl(text: string): URL | undefined {
  const url = parseTargetUrl(text)
  return url?.username === '' && url.password === '' ? url : undefined
}

export interface ChannelRoute {
  readonly channel: string
  /** A namespace, or `*` for all of them and for events that name none. */
  readonly namespace: string
}

/**
 * Channels by namespace: `#a` (everything), `#a=team-a`, `#a=team-a,#ops=*`; blanks around names are ignored.
 * A channel may stand in several entries, and so may a namespace.
 */
export function parseChannels(text: string): ChannelRoute[] | undefined {
  const routes: ChannelRoute[] = []
  for (const entry of text.split(',')) {
    const [channel = '', namespace = '*', ...more] = entry.split('=').map((part) => part.trim())
    if (channel === '' || namespace === '' || more.length > 0) return undefined
    if (/\s/.test(channel) || /\s/.test(namespace)) return undefined
    routes.push({ channel, namespace })
  }
  return routes
}

/**
 * Standard Webhooks secrets, blank or comma separated, newest first; each `whsec_` and base64 of 24 to 64 bytes.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme
 */
export function parseSigningSecrets(text: string): string[] | undefined {
  const secrets = text.split(/[\s,]+/).filter((secret) => secret !== '')
  const wellFormed = secrets.every((secret) => {
    const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1]
    if (encoded === undefined) return false
    const bytes = Buffer.from(encoded, 'base64').length
    return bytes >= 24 && bytes <= 64
  })
  return wellFormed && secrets.length >= 1 && secrets.length <= 2 ? secrets : undefined
}
