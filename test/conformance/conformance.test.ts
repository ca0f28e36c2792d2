import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { buildFluxd, hasGo, startFluxd, type Fact, type Fluxd } from './fluxd.ts'
import { startUpstream } from './upstream.ts'
import { eventually } from '../support/eventually.ts'

/** Bodies of events as Flux's own code sends them. RECORD_FLUX_EVENTS=1 writes them anew. */
const FIXTURES = join(import.meta.dirname, '../fixtures/flux-events')

const TYPES = (
  'sync sync sync sync sync commit commit commit commit commit release release autorelease ' +
  'automate deautomate lock unlock update_policy of_the_future'
).split(' ')

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

function fluxd(...args: readonly string[]): Fluxd {
  const daemon = startFluxd(args)
  cleanups.push(() => daemon.stop())
  return daemon
}

if (!hasGo && process.env['CI'] === undefined) {
  console.warn('\n!!! Go is not installed: THE REAL FLUX CLIENT IS NOT TESTED AGAINST THIS SERVICE !!!\n')
}

// In CI a missing Go must not look like success.
describe.skipIf(!hasGo && process.env['CI'] === undefined)("Flux's own client", { timeout: 30_000 }, () => {
  beforeAll(buildFluxd, 600_000)

  test('connects, is asked its version, and stays', async () => {
    const { app, port } = await startUpstream()
    const daemon = fluxd(`--connect=ws://127.0.0.1:${port}`, '--version=1.25.4-conformance')
    await daemon.fact('connected')
    await daemon.fact('version-asked')
    await eventually(() =>
      expect(app.daemons.list()).toMatchObject([
        {
          cluster: 'default',
          agent: 'fluxd/1.25.4-conformance',
          version: '1.25.4-conformance',
          protocol: 11,
        },
      ]),
    )
    expect(daemon.facts.map((told) => told.fact)).not.toContain('disconnected')
  })

  test('has every type of event accepted, in exactly the bytes that are kept as samples', async () => {
    const { port } = await startUpstream()
    const events = await fluxd(`--connect=ws://127.0.0.1:${port}`).postEvents()
    expect(events.map(({ fact, type, error }) => ({ fact, type, error }))).toEqual(
      TYPES.map((type) => ({ fact: 'event-accepted', type, error: undefined })),
    )
    expect(new Set(events.map((event) => event['path']))).toEqual(new Set(['/v6/events']))
    expect(new Set(events.map((event) => event['contentType']))).toEqual(new Set(['']))

    const samples = samplesOf(events)
    if (process.env['RECORD_FLUX_EVENTS'] !== undefined) await record(samples)
    for (const { name, body } of samples) {
      expect(await readFile(join(FIXTURES, `${name}.json`), 'utf8'), name).toBe(body)
    }
    const descriptions = Object.fromEntries(samples.map(({ name, description }) => [name, description]))
    expect(JSON.parse(await readFile(join(FIXTURES, 'descriptions.json'), 'utf8'))).toEqual(descriptions)
  })

  test('has every event told, by Slack and by webhook, with its own description', async () => {
    const { port, slack, webhook } = await startUpstream()
    const events = await fluxd(`--connect=ws://127.0.0.1:${port}/prod`).postEvents()
    await eventually(() => expect(webhook.requests).toHaveLength(events.length))
    await eventually(() => expect(slack.requests).toHaveLength(events.length))
    for (const [index, { type = '', body = '' }] of events.entries()) {
      const posted = webhook.requests[index]?.body ?? ''
      expect(posted).toContain(`"Event":${body.trim()}`)
      expect(JSON.parse(posted)).toMatchObject({ Type: type, Title: expect.stringMatching(/^\[prod\] ./) })
      const message = JSON.parse(slack.requests[index]?.body ?? '') as { channel: string; text: string }
      expect(message).toMatchObject({
        channel: '#kubernetes',
        text: expect.stringContaining('prod'),
        attachments: [{ title: expect.stringMatching(/^\[prod\] ./) }],
      })
    }
    const said = slack.requests.map(({ body }) => body).join('\n')
    expect(said).toContain('https://github.com/acme/deploy/commit/')
    expect(said).toContain('stefanprodan/podinfo:2.1.3')
  })

  test.each(['ws', 'http'])('brings its token and the cluster of its URL, by %s', async (scheme) => {
    const { app, port } = await startUpstream()
    const prod = fluxd(`--connect=${scheme}://127.0.0.1:${port}/prod`, '--token=s3cret')
    const weave = fluxd(`--connect=${scheme}://127.0.0.1:${port}/api/flux/`)
    await Promise.all([prod.fact('version-asked'), weave.fact('version-asked')])
    const versions = () => new Map(app.daemons.list().map(({ cluster, version }) => [cluster, version]))
    await eventually(() =>
      expect(versions()).toEqual(
        new Map([
          ['default', '1.25.4'],
          ['prod', '1.25.4'],
        ]),
      ),
    )
    const [event] = await prod.postEvents()
    expect(event).toMatchObject({
      fact: 'event-accepted',
      path: '/prod/v6/events',
      authorization: 'Scope-Probe token=s3cret',
    })
    expect((await weave.postEvents())[0]).toMatchObject({
      fact: 'event-accepted',
      path: '/api/flux/v6/events',
    })
  })

  test('comes back after a restart of ours', async () => {
    const first = await startUpstream()
    const daemon = fluxd(`--connect=ws://127.0.0.1:${first.port}/prod`)
    await daemon.fact('version-asked')

    let seen = daemon.facts.length
    await first.app.close()
    await daemon.fact('disconnected', seen)
    expect((await daemon.postEvents())[0]).toMatchObject({ fact: 'event-refused' })

    seen = daemon.facts.length
    const second = await startUpstream(first.port)
    await daemon.fact('version-asked', seen)
    await eventually(() =>
      expect(second.app.daemons.list()).toMatchObject([{ cluster: 'prod', version: '1.25.4' }]),
    )
    expect((await daemon.postEvents())[0]).toMatchObject({ fact: 'event-accepted' })
  })
})

interface Sample {
  readonly name: string
  readonly body: string
  /** Flux's own line about the event, `Event.String()`. */
  readonly description: string
}

function samplesOf(events: readonly Fact[]): Sample[] {
  const seen = new Map<string, number>()
  return events.map(({ type = '', body = '', description = '' }) => {
    const n = (seen.get(type) ?? 0) + 1
    seen.set(type, n)
    return { name: `${type}-${n}`, body, description }
  })
}

async function record(samples: readonly Sample[]): Promise<void> {
  await mkdir(FIXTURES, { recursive: true })
  for (const { name, body } of samples) await writeFile(join(FIXTURES, `${name}.json`), body)
  const descriptions = Object.fromEntries(samples.map(({ name, description }) => [name, description]))
  await writeFile(join(FIXTURES, 'descriptions.json'), `${JSON.stringify(descriptions, null, 2)}\n`)
}
