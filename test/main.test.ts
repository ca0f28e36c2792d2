import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { AddressInfo } from 'node:net'
import { request } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { syncEvent } from './support/app.ts'
import { answer, hang, targetServer } from './support/target-server.ts'
import { tempDir } from './support/temp-dir.ts'
import { eventually } from './support/eventually.ts'

/** The program as `npm start` runs it. */
function start(env: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../src/main.ts')], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

async function failedStart(env: Record<string, string>): Promise<{ code: number; stderr: string }> {
  const child = start(env)
  const [stderr, [code]] = await Promise.all([text(child.stderr!), once(child, 'exit') as Promise<[number]>])
  return { code, stderr }
}

/** Starts the program and resolves with its address once it listens. */
async function started(
  env: Record<string, string>,
): Promise<{ child: ChildProcess; url: string; stdout: () => string }> {
  const child = start({ LISTEN_ADDRESS: '127.0.0.1:0', DATA_DIR: tempDir(), ...env })
  let stdout = ''
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  const port = await eventually(() => {
    const match = /Server listening at http:\/\/127\.0\.0\.1:(\d+)/.exec(stdout)
    if (match === null) throw new Error(`not listening yet: ${stdout}`)
    return match[1]
  }, 15_000)
  return { child, url: `http://127.0.0.1:${port}`, stdout: () => stdout }
}

async function exitCode(child: ChildProcess): Promise<unknown> {
  const [code] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode]
  return code
}

describe('a start that cannot succeed', () => {
  it('without settings says what is missing and points to the demo', async () => {
    const { code, stderr } = await failedStart({})
    expect(code).toBe(1)
    expect(stderr).toContain('SLACK_URL is missing')
    expect(stderr).toContain('SLACK_CHANNEL is missing')
    expect(stderr).toContain('npm run demo')
    expect(stderr).not.toContain('    at ')
  })

  it('with a DATA_DIR that cannot be written says so', async () => {
    const { code, stderr } = await failedStart({
      EXPORTER_TYPE: 'webhook',
      WEBHOOK_URL: 'http://127.0.0.1:9/',
      DATA_DIR: '/proc/nowhere',
    })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^fluxcloud cannot start: DATA_DIR \/proc\/nowhere cannot hold the store: /)
    expect(stderr.trim()).not.toContain('\n')
  })

  it('on a port that is taken says so', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    onTestFinished(() => void taken.close())
    const { code, stderr } = await failedStart({
      EXPORTER_TYPE: 'webhook',
      WEBHOOK_URL: 'http://127.0.0.1:9/',
      DATA_DIR: tempDir(),
      LISTEN_ADDRESS: `127.0.0.1:${(taken.address() as AddressInfo).port}`,
    })
    expect(code).toBe(1)
    expect(stderr).toContain('LISTEN_ADDRESS says where to listen')
  })
})

describe('a stop', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'by %s ends well: code 0, daemons told, nothing lost',
    async (signal) => {
      const target = await targetServer(hang)
      const dataDir = tempDir()
      const env = { EXPORTER_TYPE: 'webhook', WEBHOOK_URL: target.url, DATA_DIR: dataDir }
      const first = await started(env)
      const daemon = new WebSocket(`${first.url.replace('http', 'ws')}/v11/daemon`)
      await once(daemon, 'open')
      const event = JSON.stringify(syncEvent())
      const { statusCode } = await request(`${first.url}/v6/events`, { method: 'POST', body: event })
      expect(statusCode).toBe(200)
      await eventually(() => expect(target.requests).toHaveLength(1))

      first.child.kill(signal)
      const [closeCode] = (await once(daemon, 'close')) as [number]
      expect(closeCode).toBe(1001)
      expect(await exitCode(first.child)).toBe(0)
      expect(first.stdout()).toContain('"msg":"stopped"')

      // The attempt was broken off, so the next start makes it again, under the same id.
      const second = await started(env)
      await eventually(() => expect(target.requests).toHaveLength(2))
      const [before, after] = target.requests.map(({ headers }) => headers['webhook-id'])
      expect(after).toBe(before)
      second.child.kill('SIGKILL')
    },
  )

  it('shows no secret and no stack in an ordinary life', async () => {
    const target = await targetServer(answer(200))
    const { child, url, stdout } = await started({ EXPORTER_TYPE: 'webhook', WEBHOOK_URL: target.url })
    const headers = { authorization: 'Scope-Probe token=flux-token-7' }
    await request(`${url}/v6/events`, { method: 'POST', body: JSON.stringify(syncEvent()), headers })
    await eventually(() => expect(stdout()).toContain('"msg":"delivered"'))
    child.kill('SIGTERM')
    expect(await exitCode(child)).toBe(0)
    expect(stdout()).not.toMatch(/secret-path-42|flux-token-7|\n {4}at /)
    for (const line of stdout().trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('level')
  })
})
