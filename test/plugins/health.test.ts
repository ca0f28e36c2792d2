import { request } from 'undici'
import { describe, expect, it, vi } from 'vitest'
import { StoreError } from '../../src/store/store.ts'
import { runApp, syncEvent } from '../support/app.ts'
import { answer, targetServer } from '../support/target-server.ts'

const brokenSlack = { SLACK_URL: 'http://127.0.0.1:9/services/x', SLACK_CHANNEL: '#ops' }

async function get(url: string): Promise<{ status: number; body: string }> {
  const response = await request(url)
  return { status: response.statusCode, body: await response.body.text() }
}

describe('probes', () => {
  it('are good although the target is out of reach', async () => {
    const { url, post, logged } = await runApp(brokenSlack)
    await post(syncEvent())
    await logged('not delivered yet: will be tried again')
    expect(await get(`${url}/healthz`)).toEqual({ status: 200, body: '{"status":"ok"}' })
    expect(await get(`${url}/readyz`)).toEqual({ status: 200, body: '{"status":"ok"}' })
  })

  it('say not ready, but alive, while the store cannot be written', async () => {
    const { url, app } = await runApp(brokenSlack)
    vi.spyOn(app.store, 'check').mockRejectedValueOnce(new StoreError('disk full'))
    expect(await get(`${url}/readyz`)).toMatchObject({ status: 503 })
    expect((await get(`${url}/healthz`)).status).toBe(200)
    expect((await get(`${url}/readyz`)).status).toBe(200)
  })
})

describe('/metrics', () => {
  it('counts events and deliveries, and shows the queue', async () => {
    const target = await targetServer(answer(200))
    const { url, post, logged } = await runApp({
      ...brokenSlack,
      EXPORTER_TYPE: 'slack,webhook',
      WEBHOOK_URL: target.url,
    })
    await post(syncEvent())
    await post({ type: 'from the future' })
    await post('{}')
    await logged('delivered')
    await logged('not delivered yet: will be tried again')
    const { body } = await get(`${url}/metrics`)
    for (const line of [
      'fluxcloud_events_total{type="sync",outcome="accepted"} 1',
      'fluxcloud_events_total{type="other",outcome="accepted"} 1',
      'fluxcloud_events_total{type="none",outcome="invalid"} 1',
      'fluxcloud_queue_depth{destination="slack:#ops"} 2',
      'fluxcloud_breaker_open{destination="webhook"} 0',
      '# TYPE fluxcloud_daemons_connected gauge',
    ]) {
      expect(body).toContain(line)
    }
    for (const pattern of [
      /fluxcloud_deliveries_total\{destination="webhook",outcome="delivered"\} \d/,
      /fluxcloud_attempt_duration_seconds_count\{destination="webhook",outcome="delivered"\} \d/,
      /fluxcloud_queue_oldest_seconds\{destination="slack:#ops"\} \d/,
      /fluxcloud_store_commit_duration_seconds_count [1-9]/,
      /fluxcloud_build_info\{version="\d+\.\d+\.\d+",node="v\d+/,
    ]) {
      expect(body).toMatch(pattern)
    }
    expect(body).not.toContain('services/x')
  })
})

describe('an unknown address', () => {
  it('is answered with what fluxd would need', async () => {
    const { url } = await runApp(brokenSlack)
    const { status, body } = await get(`${url}/nothing`)
    expect(status).toBe(404)
    expect(JSON.parse(body)).toMatchObject({ type: 'missing', help: expect.stringContaining('--connect') })
  })
})
