import { describe, expect, test } from 'vitest'
import { createSlackExporter } from '../../exporters/slack.ts'
import type { SlackConfig } from '../../src/config.ts'
import { parseChannels } from '../../src/config/parse.ts'
import { Secret } from '../../src/secret.ts'
import { counted, fluxEvent, releaseEvent, syncEvent, updated } from '../support/events.ts'
import { answer, notificationOf } from './contract.ts'

const API = 'default:deployment/api'
const REVISION = 'a1b2c3d4e5f60718293a4b5c6d7e8f9001122334'
const TOKEN = ['xoxb', 'not', 'a', 'token'].join('-')

function slack(channels: string, more: Partial<SlackConfig> = {}) {
  return createSlackExporter({
    url: new Secret('https://hooks.slack.com/services/T/B/x'),
    username: 'Flux Deployer',
    iconEmoji: ':star-struck:',
    channels: parseChannels(channels) ?? [],
    ...more,
  })
}

function payload(event: Parameters<typeof notificationOf>[0], exporter = slack('#ops')) {
  const [destination] = exporter.destinations
  if (destination === undefined) throw new Error('no channel')
  const request = exporter.render(notificationOf(event), destination)
  const body = JSON.parse(request.body.toString()) as { attachments: [Record<string, unknown>] }
  return { request, body, attachment: body.attachments[0] }
}

describe('an event goes to the channels of its namespaces', () => {
  const exporter = slack('#a=team-a,#b=team-b,#both=team-a,#both=team-b,#ops=*')
  const sentTo = (...namespaces: string[]) =>
    exporter.route(fluxEvent({ namespaces })).destinations.map(({ key }) => key)

  test.each([
    [['team-a'], ['slack:#a', 'slack:#both', 'slack:#ops']],
    [
      ['team-b', 'team-a'],
      ['slack:#a', 'slack:#b', 'slack:#both', 'slack:#ops'],
    ],
    [['other'], ['slack:#ops']],
    [[], ['slack:#ops']],
    [['*'], ['slack:#ops']],
  ])('%j', (namespaces, keys) => expect(sentTo(...namespaces)).toEqual(keys))

  test('each channel is one destination', () => {
    expect(exporter.destinations.map(({ name }) => name)).toEqual(['#a', '#b', '#both', '#ops'])
  })

  test('or nowhere, for a reason', () => {
    const some = slack('#a=team-a')
    expect(some.route(fluxEvent({ namespaces: ['x', 'y', 'z'] }))).toEqual({
      destinations: [],
      suppressed: 'SLACK_CHANNEL names neither "*" nor the namespace x or the 2 others of this event',
    })
    expect(some.route(fluxEvent())).toEqual({
      destinations: [],
      suppressed: 'SLACK_CHANNEL has no "*" entry, and only those are told of events without workloads',
    })
  })
})

describe('a message', () => {
  const release = releaseEvent([API], {
    cause: { user: 'alice', message: 'Ship <it> & go' },
    results: counted(updated(API, 'quay.io/acme/api:1.4.1', 'quay.io/acme/api:1.4.2')),
  })

  test('is one coloured attachment that links to the commit', () => {
    expect(payload(release).body).toEqual({
      channel: '#ops',
      username: 'Flux Deployer',
      icon_emoji: ':star-struck:',
      text: 'prod-eu: release',
      link_names: false,
      unfurl_links: false,
      unfurl_media: false,
      attachments: [
        {
          fallback: `[prod-eu] Released: quay.io/acme/api:1.4.2 to ${API}, by alice, with message "Ship &lt;it&gt; &amp; go"`,
          color: '#2eb886',
          title: `[prod-eu] Released quay.io/acme/api:1.4.2 to ${API} by alice`,
          title_link: `https://github.com/acme/deploy/commit/${REVISION}`,
          text: `*Requested by* alice: Ship &lt;it&gt; &amp; go\n*Image* \`${API}\`: \`quay.io/acme/api:1.4.1\` → \`1.4.2\``,
          mrkdwn_in: ['text'],
          ts: Date.parse('2026-11-22T14:24:01Z') / 1000,
        },
      ],
    })
  })

  test('about errors is red, and gives the error in full', () => {
    const error = 'kubectl said: "`x` <nil>"\nand more'
    const event = syncEvent([API], {
      commits: counted({ revision: REVISION, message: 'Use `x` | *y*' }),
      errors: counted({ id: API, path: 'api.yaml', error }),
    })
    const { attachment } = payload(event)
    expect(attachment.color).toBe('#a30200')
    expect(attachment.text).toBe(
      [
        '*Error*',
        `• \`${API}\` in \`api.yaml\``,
        '```',
        `kubectl said: "'x' &lt;nil&gt;"`,
        'and more',
        '```',
        `*Commit* <https://github.com/acme/deploy/commit/${REVISION}|a1b2c3d> Use 'x' | *y*`,
        `*Workload* \`${API}\``,
      ].join('\n'),
    )
  })

  test('of a time that Flux did not give has none', () => {
    const event = fluxEvent({ startedAt: '', endedAt: '0001-01-01T00:00:00Z' })
    expect(payload(event).attachment).not.toHaveProperty('ts')
    expect(payload(event).attachment).not.toHaveProperty('title_link')
  })

  test('carries the token in its header, when there is one', () => {
    expect(payload(release).request.headers).not.toHaveProperty('authorization')
    const { request } = payload(release, slack('#ops', { token: new Secret(TOKEN) }))
    expect(request.headers.authorization).toBe(`Bearer ${TOKEN}`)
  })
})

describe('which of its tongues Slack speaks is known by the URL', () => {
  test.each([
    ['https://slack.com/api/chat.postMessage', 'ok', 'retry'],
    ['https://acme.slack.com/api/chat.postMessage', 'ok', 'retry'],
    ['https://slack-gov.com/api/chat.postMessage', 'ok', 'retry'],
    ['https://hooks.slack-gov.com/services/T/B/x', 'ok', 'delivered'],
    ['https://mattermost.example/hooks/api/x', 'ok', 'delivered'],
    ['https://notslack.com/api/chat.postMessage', 'ok', 'delivered'],
    ['https://slack.com/api/chat.postMessage', '{"ok":true}', 'delivered'],
    ['https://proxy.example/api/chat.postMessage', '{"ok":false,"error":"invalid_auth"}', 'disabled'],
    ['https://proxy.example/api/chat.postMessage', '{"ok":true}', 'delivered'],
  ])('%s %s', (url, body, kind) =>
    expect(slack('#ops', { url: new Secret(url) }).judge(answer(200, body)).kind).toBe(kind),
  )
})

test('a reason names the status and the code', () => {
  const exporter = slack('#ops')
  expect(exporter.judge(answer(404, 'no_service'))).toEqual({
    kind: 'disabled',
    reason: 'Slack answered 404 no_service',
  })
  expect(exporter.judge(answer(200, '{"ok":false,"error":"is_archived"}'))).toEqual({
    kind: 'rejected',
    reason: 'Slack answered 200 is_archived',
  })
  expect(exporter.judge(answer(502, '<h1>Bad\n Gateway</h1>'))).toEqual({
    kind: 'retry',
    reason: 'Slack answered 502 <h1>Bad Gateway</h1>',
  })
})

test('a workspace that is being moved is left alone for a while', () => {
  expect(slack('#ops').judge(answer(200, '{"ok":false,"error":"team_added_to_org"}'))).toMatchObject({
    kind: 'retry',
    afterMs: 30 * 60 * 1000,
  })
})
