import fp from 'fastify-plugin'
import '../plugins/exporters.ts'
import type { SlackConfig } from '../src/config.ts'
import { excerpt } from '../src/delivery/excerpt.ts'
import { judgeVendorStatus } from '../src/delivery/judge-status.ts'
import type {
  DeliveryPolicy,
  Destination,
  Exporter,
  Judgement,
  Notification,
  OutgoingRequest,
  Route,
  TargetResponse,
} from '../src/exporter.ts'
import { describe } from '../src/flux/describe.ts'
import type { FluxEvent } from '../src/flux/event.ts'
import { layout, layoutLine, type Markup } from '../src/message/layout.ts'
import type { Message, Outcome } from '../src/message/message.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** One message per second and channel, in short bursts: https://docs.slack.dev/apis/web-api/rate-limits */
const POLICY: DeliveryPolicy = {
  retryDelaysMs: [5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR],
  // In a channel, old news is noise.
  expireAfterMs: 6 * HOUR,
  pace: { perSecond: 1, burst: 3 },
  captureBytes: 4096,
}

/** Slack takes 40,000, asks for 4,000: https://api.slack.com/changelog/2018-04-truncating-really-long-messages */
const TEXT_LIMIT = 4000
const TITLE_LIMIT = 1024
const HEADLINE_LIMIT = 300

const COLORS: Readonly<Record<Outcome, string>> = {
  success: '#2eb886',
  failure: '#a30200',
  neutral: '#808080',
}

/**
 * Posts to Slack, through an incoming webhook or `chat.postMessage`, one request per channel. Anything that takes
 * Slack's webhook payload works as well (Mattermost, Rocket.Chat), for which attachments are used and not blocks.
 */
export function createSlackExporter(config: SlackConfig): Exporter {
  const channels = [...new Set(config.channels.map(({ channel }) => channel))]
  const destinations = channels.map((name): Destination => ({ key: `slack:${name}`, name }))
  const isApi = isWebApi(new URL(config.url.reveal()))

  return {
    name: 'slack',
    destinations,
    policy: POLICY,
    route: (event) => route(config, destinations, event),
    render: (notification, destination) => render(config, notification, destination),
    judge: (response) => judge(response, isApi),
  }
}

function isWebApi({ hostname, pathname }: URL): boolean {
  const isSlack = ['slack.com', 'slack-gov.com'].some(
    (host) => hostname === host || hostname.endsWith(`.${host}`),
  )
  return isSlack && pathname.startsWith('/api/')
}

function route(config: SlackConfig, destinations: readonly Destination[], event: FluxEvent): Route {
  const namespaces = new Set(event.namespaces)
  const wanted = new Set(
    config.channels
      .filter(({ namespace }) => namespace === '*' || namespaces.has(namespace))
      .map(({ channel }) => channel),
  )
  if (wanted.size > 0) return { destinations: destinations.filter(({ name }) => wanted.has(name)) }
  const [first, ...others] = event.namespaces
  const suppressed =
    first === undefined
      ? 'SLACK_CHANNEL has no "*" entry, and only those are told of events without workloads'
      : `SLACK_CHANNEL names neither "*" nor the namespace ${first.slice(0, 63)}${others.length > 0 ? ` or the ${others.length} others` : ''} of this event`
  return { destinations: [], suppressed }
}

function render(
  { url, token, username, iconEmoji }: SlackConfig,
  { event, message }: Notification,
  { name: channel }: Destination,
): OutgoingRequest {
  const title = layoutLine(message.title, escape, TITLE_LIMIT)
  const attachment = {
    // For clients that show no attachments: the line that Flux itself has for the event.
    fallback: layoutLine(`[${message.cluster}] ${describe(event)}`, escape, TITLE_LIMIT),
    color: COLORS[message.outcome],
    title,
    ...(message.link !== '' && { title_link: message.link }),
    text: layout(message.sections, mrkdwn, { size: TEXT_LIMIT, unit: 'characters' }),
    mrkdwn_in: ['text'],
    ...timestamp(event),
  }
  const payload = {
    channel,
    username,
    icon_emoji: iconEmoji,
    // Stands above the attachment and in notifications, so it is short and does not repeat the title.
    text: layoutLine(headline(message, event), escape, HEADLINE_LIMIT),
    link_names: false,
    unfurl_links: false,
    unfurl_media: false,
    attachments: [attachment],
  }
  return {
    method: 'POST',
    url,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'user-agent': 'fluxcloud',
      ...(token !== undefined && { authorization: `Bearer ${token.reveal()}` }),
    },
    body: JSON.stringify(payload),
  }
}

/** Where it happened and how it went: `prod-eu: sync failed`. */
function headline({ cluster, outcome }: Message, { type }: FluxEvent): string {
  return `${cluster}: ${type.replaceAll('_', ' ')}${outcome === 'failure' ? ' failed' : ''}`
}

/** When it happened, which is not when it is told if Slack was down. Seconds; Go's zero time counts as none. */
function timestamp({ endedAt, startedAt }: FluxEvent): { ts?: number } {
  const ts = Math.floor(Date.parse(endedAt || startedAt) / SECOND)
  return ts > 0 ? { ts } : {}
}

/** https://docs.slack.dev/messaging/formatting-message-text: these three and nothing else. No mention survives it. */
function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/**
 * Slack's mrkdwn. It has no escape for its own marks, of which only backticks can tear what follows: they become
 * apostrophes. Bold and italics end with the line.
 */
const mrkdwn: Markup = {
  text: prose,
  code: (text) => (text.trim() === '' ? '' : `\`${prose(text.trim())}\``),
  link: (text, url) => `<${linkTarget(url)}|${prose(text).replaceAll('|', '/')}>`,
  pre: (text) => `\`\`\`\n${prose(text)}\n\`\`\``,
  heading: (text) => `*${prose(text).replaceAll('*', '')}*`,
  bullet: '• ',
}

function prose(text: string): string {
  return escape(text).replaceAll('`', "'")
}

function linkTarget(url: string): string {
  return escape(url.replaceAll('|', '%7C').replaceAll('<', '%3C').replaceAll('>', '%3E'))
}

type Verdict = Exclude<Judgement['kind'], 'delivered'>

/**
 * What Slack's codes mean, of incoming webhooks and of the Web API:
 * https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors
 * https://docs.slack.dev/reference/methods/chat.postMessage#errors
 */
const CODES: ReadonlyMap<string, Verdict> = new Map([
  ...codes('limited', 'ratelimited rate_limited'),
  ...codes('retry', 'rollup_error internal_error fatal_error service_unavailable request_timeout'),
  ...codes('retry', 'team_added_to_org org_login_required'),
  // The hook, the token or the workspace is gone.
  ...codes('disabled', 'invalid_token no_service no_service_id no_active_hooks no_team team_disabled'),
  ...codes('disabled', 'channel_is_archived'),
  ...codes('disabled', 'invalid_auth not_authed account_inactive token_revoked token_expired missing_scope'),
  ...codes('disabled', 'no_permission not_allowed_token_type ekm_access_denied'),
  ...codes('rejected', 'invalid_payload no_text too_many_attachments user_not_found action_prohibited'),
  ...codes('rejected', 'posting_to_general_channel_denied channel_not_found not_in_channel is_archived'),
  ...codes('rejected', 'msg_too_long msg_blocks_too_long invalid_blocks invalid_blocks_format'),
  ...codes('rejected', 'invalid_arguments invalid_json'),
])

function codes(verdict: Verdict, names: string): [string, Verdict][] {
  return names.split(' ').map((name) => [name, verdict])
}

/** A workspace that is being moved into an organisation is away for longer than a restart. */
const MIGRATION_MS = 30 * MINUTE

function judge({ status, body }: TargetResponse, isApi: boolean): Judgement {
  const answer = readAnswer(body, isApi)
  const said = answer.code === '' ? excerpt(body) : excerpt(answer.code)
  const reason = `Slack answered ${status}${said === '' ? '' : ` ${said}`}`
  // Whatever a redirect says, it is not from Slack.
  const verdict = status >= 300 && status <= 399 ? undefined : verdictOf(answer.code)
  if (status === 429) return { kind: 'limited', reason }
  if (verdict !== undefined) {
    const moving = answer.code === 'team_added_to_org' || answer.code === 'org_login_required'
    return verdict === 'retry' && moving
      ? { kind: verdict, reason, afterMs: MIGRATION_MS }
      : { kind: verdict, reason }
  }
  const judgement = judgeVendorStatus(status, reason)
  if (judgement.kind !== 'delivered' || answer.ok) return judgement
  // A code we do not know is Slack's refusal; anything else, such as a sign-in page or nothing, is not from Slack.
  return answer.code === ''
    ? { kind: 'retry', reason: `${reason} instead of ok` }
    : { kind: 'rejected', reason }
}

function verdictOf(code: string): Verdict | undefined {
  return CODES.get(code) ?? (code.startsWith('restricted_action') ? 'rejected' : undefined)
}

interface Answer {
  readonly ok: boolean
  /** Slack's name for what is wrong; empty when it gave none. */
  readonly code: string
}

/** Webhooks answer in plain text: `ok`, or a code. The Web API answers 200 whatever happened, and says it in JSON. */
function readAnswer(body: string, isApi: boolean): Answer {
  // Read without parsing, as an answer that repeats a long message is not captured to its end.
  const ok = /^\s*\{\s*"ok"\s*:\s*(true|false)\b/.exec(body)?.[1] ?? parsedOk(body)
  if (ok !== undefined) {
    return {
      ok: ok === 'true',
      code: ok === 'true' ? '' : (/"error"\s*:\s*"(\w{1,100})"/.exec(body)?.[1] ?? ''),
    }
  }
  const text = body.slice(0, 200).trim()
  return { ok: text === 'ok' && !isApi, code: text !== 'ok' && /^[a-z]\w{1,99}$/.test(text) ? text : '' }
}

/** `ok` of a JSON object in which it does not come first. */
function parsedOk(body: string): 'true' | 'false' | undefined {
  if (!body.trimStart().startsWith('{')) return undefined
  try {
    const { ok } = JSON.parse(body) as { readonly ok?: unknown }
    return ok === true ? 'true' : ok === false ? 'false' : undefined
  } catch {
    return undefined
  }
}

export default fp<SlackConfig>(async (app, config) => app.exporters.add(createSlackExporter(config)), {
  name: 'slack-exporter',
  dependencies: ['exporters'],
  fastify: '5.x',
})
