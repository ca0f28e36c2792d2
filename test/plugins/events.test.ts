import { once } from 'node:events'
import { gunzipSync } from 'node:zlib'
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { connect } from 'node:net'
import { request } from 'undici'
import { describe, expect, it, vi } from 'vitest'
import { StoreError } from '../../src/store/store.ts'
import { runApp, syncEvent } from '../support/app.ts'
import { answer, hang, targetServer } from '../support/target-server.ts'
import { tempDir } from '../support/temp-dir.ts'
import { eventually } from '../support/eventually.ts'

async function webhookApp(env: Record<string, string> = {}) {
  const target = await targetServer(answer(200))
  const running = await runApp({
    EXPORTER_TYPE: 'webhook',
    WEBHOOK_URL: target.url,
    WEBHOOK_RATE: '1000',
    ...env,
  })
  return { ...running, target }
}

describe('POST /v6/events', () => {
  it('answers 200 with an empty body, which fluxd takes for success', async () => {
    const { url } = await webhookApp()
    const response = await request(`${url}/v6/events`, { method: 'POST', body: JSON.stringify(syncEvent()) })
    expect(response.statusCode).toBe(200)
    expect(await response.body.text()).toBe('')
  })

  it.each([
    ['none', {}],
    ['JSON', { 'content-type': 'application/json' }],
    ['text', { 'content-type': 'text/plain; charset=utf-8' }],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['nonsense', { 'content-type': 'x' }],
  ])('takes an event whatever its Content-Type: %s', async (_name, headers: Record<string, string>) => {
    const { post } = await webhookApp()
    expect(await post(syncEvent(), { headers })).toBe(200)
  })

  it.each([
    ['/v6/events', 'home'],
    ['/prod-eu/v6/events', 'prod-eu'],
    ['/api/flux/v6/events', 'home'],
    ['/team/prod%20eu/v6/events', 'team/prod eu'],
    ['//v6/events', 'home'],
  ])('names the cluster by the path: %s', async (path, cluster) => {
    const { post, logged, target } = await webhookApp({ CLUSTER_NAME: 'home' })
    expect(await post(syncEvent(), { path })).toBe(200)
    expect(await logged('event accepted')).toMatchObject({ cluster })
    await eventually(() => expect(target.requests[0]?.body).toContain(`[${cluster}]`))
  })

  it('hands on the event exactly as Flux wrote it, unknown fields included', async () => {
    const { post, target } = await webhookApp()
    const event = '{"type": "sync", "id":9007199254740993, "new":{"b":1,"a":"\\u003c"}, "serviceIDs":null}'
    expect(await post(event)).toBe(200)
    await eventually(() => expect(target.requests).toHaveLength(1))
    expect(target.requests[0]?.body).toContain(event)
  })

  it('takes any resource id', async () => {
    const { post } = await webhookApp()
    const serviceIDs = ['<cluster>:namespace/', '', 'a:b/c.d:e', '🙂', ':::///', 'x'.repeat(10_000)]
    expect(await post(syncEvent({ serviceIDs }))).toBe(200)
  })

  it('recognises a resent event, answers 200 and tells nobody again', async () => {
    const { post, logged, target, url } = await webhookApp()
    const event = syncEvent({ serviceIDs: ['a:b/c', 'd:e/f'] })
    expect(await post(event)).toBe(200)
    const { event: id } = await logged('event accepted')
    const resent = { ...event, startedAt: '2026-11-22T11:00:00Z', serviceIDs: ['d:e/f', 'a:b/c'] }
    expect(await post(resent)).toBe(200)
    expect(await logged('event received again: not sent again')).toMatchObject({ event: id })
    expect(await post(syncEvent())).toBe(200)
    await eventually(() => expect(target.requests).toHaveLength(2))
    const metrics = await (await request(`${url}/metrics`)).body.text()
    expect(metrics).toContain('fluxcloud_events_total{type="sync",outcome="duplicate"} 1')
  })

  it('keeps the same event of two clusters, or of two tokens, apart', async () => {
    const { post, target } = await webhookApp()
    const event = syncEvent()
    await post(event)
    await post(event, { path: '/other/v6/events' })
    await post(event, { headers: { authorization: 'Scope-Probe token=a' } })
    await eventually(() => expect(target.requests).toHaveLength(3))
  })

  it.each([
    ['', 400, 'no body'],
    ['{"type":', 400, 'not JSON'],
    ['[1]', 400, 'not an object'],
    ['{"serviceIDs":[]}', 400, 'no type'],
    [`{"type":"${'x'.repeat(5000)}"}`, 413, 'MAX_EVENT_SIZE'],
  ])('refuses what is not an event with a reason in JSON: %s', async (body, status, why) => {
    const { url, app } = await webhookApp({ MAX_EVENT_SIZE: '4096' })
    const response = await request(`${url}/v6/events`, { method: 'POST', body })
    expect(response.statusCode).toBe(status)
    expect(response.headers['content-type']).toMatch('application/json')
    const answered = (await response.body.json()) as { type: string; error: string }
    expect(answered.type).toBe('user')
    expect(answered.error).toContain(why)
    expect(app.store.backlog()).toEqual([])
  })

  it('answers 503 when the event could not be stored, so that Flux keeps it', async () => {
    const { url, app, post } = await webhookApp()
    vi.spyOn(app.store, 'accept').mockRejectedValueOnce(
      new StoreError('could not write to the store: disk full'),
    )
    const event = syncEvent()
    const response = await request(`${url}/v6/events`, { method: 'POST', body: JSON.stringify(event) })
    expect(response.statusCode).toBe(503)
    expect(response.headers['retry-after']).toBe('5')
    expect(await response.body.json()).toMatchObject({
      type: 'server',
      error: expect.stringContaining('disk full'),
    })
    expect(await post(event)).toBe(200)
  })

  it('takes a large event without holding the event loop, and keeps all of it', async () => {
    const dir = tempDir()
    const { post, app, target } = await webhookApp({ DATA_DIR: dir })
    const message = `${'long '.repeat(2_000_000)}end`
    const event = syncEvent({ metadata: { commits: [{ revision: 'c0ffee', message }] } })
    let longest = 0
    let last = performance.now()
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last)
      last = performance.now()
    }, 1)
    expect(await post(event)).toBe(200)
    clearInterval(timer)
    await eventually(() => expect(target.requests).toHaveLength(1))
    expect(target.requests[0]?.body).toContain(JSON.stringify(event))
    await app.close()
    const db = new DatabaseSync(join(dir, 'fluxcloud.db'), { readOnly: true })
    const row = db.prepare('SELECT encoding, payload FROM event').get()
    db.close()
    expect(row?.['encoding']).toBe('gzip')
    expect(gunzipSync(row?.['payload'] as Uint8Array).toString()).toBe(JSON.stringify(event))
    // Not a measurement: parsing and inserting ten megabytes in one go would be an order of magnitude above this.
    expect(longest).toBeLessThan(1000)
  })

  it('refuses a large body that is not an event as politely as a small one', async () => {
    const { post, logged } = await webhookApp()
    expect(await post(`{"type":${'['.repeat(400_000)}`)).toBe(400)
    expect(await post(syncEvent())).toBe(200)
    await logged('event accepted')
  })

  it('takes an event although a proxy offers another protocol with it', async () => {
    const { port } = await webhookApp()
    const socket = connect(port, '127.0.0.1')
    const body = JSON.stringify(syncEvent())
    socket.write(
      'POST /v6/events HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n' +
        `content-length: ${body.length}\r\n\r\n${body}`,
    )
    const [answered] = (await once(socket, 'data')) as [Buffer]
    socket.destroy()
    expect(answered.toString()).toMatch(/^HTTP\/1.1 200 /)
  })

  it('survives a sender that hangs up in the middle', async () => {
    const { port, post } = await webhookApp()
    const socket = connect(port, '127.0.0.1')
    await new Promise((resolve) => {
      socket.write('POST /v6/events HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{"type":', resolve)
    })
    socket.destroy()
    expect(await post(syncEvent())).toBe(200)
  })

  it('finishes what was accepted before a stop, and answers it', async () => {
    const target = await targetServer(hang)
    const { app, post } = await runApp({ EXPORTER_TYPE: 'webhook', WEBHOOK_URL: target.url })
    const answers = [syncEvent(), syncEvent(), syncEvent()].map((event) => post(event))
    await eventually(() => expect(app.store.backlog()).toMatchObject([{ waiting: 3 }]))
    await app.close()
    expect(await Promise.all(answers)).toEqual([200, 200, 200])
  })

  it('says of an event that goes nowhere by which rule', async () => {
    const { post, logged, app } = await runApp({
      SLACK_URL: 'http://127.0.0.1:9/services/x',
      SLACK_CHANNEL: '#a=team-a',
    })
    expect(await post(syncEvent())).toBe(200)
    expect(await logged('suppressed')).toMatchObject({
      destination: 'slack',
      reason: expect.stringContaining('SLACK_CHANNEL'),
    })
    expect(app.store.backlog()).toMatchObject([{ destination: 'slack', waiting: 0 }])
  })
})
