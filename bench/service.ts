import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { request } from 'undici'
import { freePort } from '../test/support/free-port.ts'

/** A server under measurement, in a process of its own. */
export interface Server {
  readonly port: number
  stop(): Promise<void>
}

/** The baseline: a bare Fastify handler. */
export async function startBare(): Promise<Server> {
  const port = await freePort()
  return running(spawn(process.execPath, [join(import.meta.dirname, 'bare-server.ts'), String(port)]), port)
}

/** The service from its sources, as `npm start` runs it, with a store of its own and a webhook at `target`. */
export async function startService(target: string): Promise<Server> {
  const port = await freePort()
  const dataDir = mkdtempSync(join(tmpdir(), 'fluxcloud-bench-'))
  const log = openSync(join(dataDir, 'log'), 'w')
  const child = spawn(process.execPath, [join(import.meta.dirname, '../src/main.ts')], {
    // The log is written, as its lines are part of the cost, but to a file: a pipe would have to be read by the
    // load generator, which is busy, and the service would wait for it.
    stdio: ['ignore', log, 'inherit'],
    env: {
      PATH: process.env['PATH'],
      EXPORTER_TYPE: 'webhook',
      WEBHOOK_URL: target,
      DATA_DIR: dataDir,
      LISTEN_ADDRESS: `127.0.0.1:${port}`,
    },
  })
  closeSync(log)
  const server = await running(child, port)
  return {
    port,
    async stop() {
      await server.stop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

async function running(child: ChildProcess, port: number): Promise<Server> {
  const deadline = Date.now() + 20_000
  for (;;) {
    const up = await request(`http://127.0.0.1:${port}/healthz`).then(
      ({ body }) => body.dump().then(() => true),
      () => false,
    )
    if (up) break
    if (Date.now() > deadline) throw new Error('a server under measurement did not start within 20 s')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return {
    port,
    async stop() {
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'exit')
    },
  }
}
