import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { request } from 'undici'
import { onTestFinished } from 'vitest'
import { defaultTimeouts } from '../../plugins/delivery.ts'
import { buildApp, type Surroundings } from '../../src/app.ts'
import { loadConfig } from '../../src/config.ts'
import { tempDir } from './temp-dir.ts'
import { eventually } from './eventually.ts'

export interface RunningApp {
  readonly app: FastifyInstance
  readonly url: string
  readonly port: number
  /** Everything the app has logged, parsed. */
  readonly log: readonly LogLine[]
  /** Posts an event as fluxd does; resolves with the status. */
  post(event: unknown, options?: { path?: string; headers?: Record<string, string> }): Promise<number>
  /** Resolves with the first log line that has this message. */
  logged(message: string): Promise<LogLine>
}

export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string; readonly level: string }

/** The real service, listening on a free port of 127.0.0.1, with a store of its own. */
export async function runApp(
  env: Record<string, string>,
  surroundings: Surroundings = {},
): Promise<RunningApp> {
  const log: LogLine[] = []
  const logStream = {
    write(lines: string) {
      for (const line of lines.trimEnd().split('\n')) log.push(JSON.parse(line) as LogLine)
    },
  }
  const config = loadConfig({ DATA_DIR: tempDir(), LISTEN_ADDRESS: '127.0.0.1:0', ...env })
  const timeouts = { ...defaultTimeouts, drain: 200 }
  const app = await buildApp(config, { logStream, timeouts, ...surroundings })
  onTestFinished(() => app.close())
  await app.listen(config.listen)
  const { port } = app.server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  return {
    app,
    url,
    port,
    log,
    async post(event, { path = '/v6/events', headers = {} } = {}) {
      const body = typeof event === 'string' ? event : JSON.stringify(event)
      const response = await request(url + path, { method: 'POST', body, headers })
      await response.body.dump()
      return response.statusCode
    },
    logged: (message) =>
      eventually(() => {
        const line = log.find(({ msg }) => msg === message)
        if (line === undefined) throw new Error(`"${message}" was not logged`)
        return line
      }),
  }
}

let revisions = 0

/** A sync that differs from every other one. */
export function syncEvent(overrides: Record<string, unknown> = {}): Record<string, unknown> {
  const revision = (++revisions).toString(16).padStart(40, '0')
  return {
    id: 0,
    type: 'sync',
    serviceIDs: ['default:deployment/api'],
    startedAt: '2026-11-22T10:00:00.123456789Z',
    endedAt: '2026-11-22T10:00:01Z',
    logLevel: 'info',
    metadata: { commits: [{ revision, message: `Change ${revisions}` }], includes: { other: true } },
    ...overrides,
  }
}
