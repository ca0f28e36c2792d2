import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Agent, request } from 'undici'
import { freePort } from '../support/free-port.ts'

/** What many rounds of kill -9 under load came to. The first three must be 0. */
export interface CrashReport {
  /** Events that were answered 200 and never arrived. */
  readonly lost: number
  /** Deliveries that arrived again after the store had them down as delivered. */
  readonly sentAfterSettled: number
  /** Events that arrived under more than one delivery id. */
  readonly underAnotherId: number
  readonly rounds: number
  readonly accepted: number
  readonly arrived: number
  /** Arrivals of something that had arrived before: the price of at least once, under the same id. */
  readonly repeated: number
}

interface Arrival {
  readonly revision: string
  readonly deliveryId: string
}

const SENDERS = 8
/** In one round, so that after a thousand the queue is still one that empties within minutes. */
const EVENTS_PER_SENDER = 10

/** Kills the service `rounds` times while events pour in, and counts what that did to them. */
export async function crash(rounds: number, report: (line: string) => void): Promise<CrashReport> {
  const dataDir = mkdtempSync(join(tmpdir(), 'fluxcloud-crash-'))
  const receiver = await startReceiver()
  const port = await freePort()
  const accepted = new Set<string>()
  const settled = new Set<string>()
  let sentAfterSettled = 0
  let current: ChildProcess | undefined
  try {
    for (let round = 1; round <= rounds; round++) {
      const service = startService(dataDir, port, receiver.url)
      current = service
      const exited = once(service, 'exit')
      await ready(port)
      const seenBefore = receiver.arrivals.length
      const stop = new AbortController()
      const senders = Array.from({ length: SENDERS }, () => post(port, accepted, stop.signal))
      await delay(Math.random() * 250)
      service.kill('SIGKILL')
      await exited
      stop.abort()
      await Promise.all(senders)
      for (const { deliveryId } of receiver.arrivals.slice(seenBefore)) {
        if (settled.has(deliveryId)) sentAfterSettled++
      }
      readSettled(dataDir, settled)
      if (round % 25 === 0) report(`${round} kills, ${accepted.size} events accepted`)
    }
    const seenBefore = receiver.arrivals.length
    const service = startService(dataDir, port, receiver.url)
    current = service
    const exited = once(service, 'exit')
    await ready(port)
    await queueEmpty(port, () => receiver.arrivals.length)
    service.kill('SIGTERM')
    await exited
    for (const { deliveryId } of receiver.arrivals.slice(seenBefore)) {
      if (settled.has(deliveryId)) sentAfterSettled++
    }
  } finally {
    current?.kill('SIGKILL')
    receiver.server.closeAllConnections()
    receiver.server.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
  return { ...compare(accepted, receiver.arrivals), sentAfterSettled, rounds, accepted: accepted.size }
}

function compare(accepted: ReadonlySet<string>, arrivals: readonly Arrival[]) {
  const ids = new Map<string, Set<string>>()
  for (const { revision, deliveryId } of arrivals) {
    ids.set(revision, (ids.get(revision) ?? new Set()).add(deliveryId))
  }
  return {
    lost: [...accepted].filter((revision) => !ids.has(revision)).length,
    underAnotherId: [...ids.values()].filter(({ size }) => size > 1).length,
    arrived: ids.size,
    repeated: arrivals.length - ids.size,
  }
}

function startService(dataDir: string, port: number, url: string): ChildProcess {
  return spawn(process.execPath, [join(import.meta.dirname, '../../src/main.ts')], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      EXPORTER_TYPE: 'webhook',
      WEBHOOK_URL: url,
      WEBHOOK_RATE: '100000',
      DATA_DIR: dataDir,
      LISTEN_ADDRESS: `127.0.0.1:${port}`,
      LOG_LEVEL: 'error',
    },
  })
}

/** A receiver that takes its time, so that kills also hit attempts under way. */
async function startReceiver(): Promise<{ server: Server; url: string; arrivals: Arrival[] }> {
  const arrivals: Arrival[] = []
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const revision = /"revision":"(\w+)"/.exec(Buffer.concat(chunks).toString())?.[1] ?? ''
      arrivals.push({ revision, deliveryId: String(incoming.headers['webhook-id']) })
      setTimeout(() => response.end(), Math.random() * 3)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, arrivals }
}

/** Posts one event after the other until told to stop or the service dies, and notes each that was answered 200. */
async function post(port: number, accepted: Set<string>, stop: AbortSignal): Promise<void> {
  const agent = new Agent()
  try {
    for (let sent = 0; sent < EVENTS_PER_SENDER && !stop.aborted; sent++) {
      const revision = `${Math.random().toString(36).slice(2)}${Math.random().toString(36).slice(2)}`
      const response = await request(`http://127.0.0.1:${port}/v6/events`, {
        method: 'POST',
        body: JSON.stringify({ type: 'sync', serviceIDs: ['a:b/c'], metadata: { commits: [{ revision }] } }),
        dispatcher: agent,
        signal: stop,
      })
      await response.body.dump()
      if (response.statusCode === 200) accepted.add(revision)
    }
  } catch {
    // The service was killed: this event was not answered, so nothing was promised about it.
  } finally {
    await agent.destroy()
  }
}

/** What the dead service had written down as delivered. */
function readSettled(dataDir: string, settled: Set<string>): void {
  const db = new DatabaseSync(join(dataDir, 'fluxcloud.db'))
  const storeId = String(db.prepare(`SELECT value FROM meta WHERE name = 'store_id'`).get()?.['value'])
  const rows = db.prepare(`SELECT event, destination FROM delivery WHERE state = 'delivered'`).all()
  db.close()
  for (const row of rows) settled.add(`${storeId}-${String(row['event'])}-${String(row['destination'])}`)
}

async function ready(port: number): Promise<void> {
  await until(async () => {
    const response = await request(`http://127.0.0.1:${port}/readyz`)
    await response.body.dump()
    return response.statusCode === 200
  })
}

async function queueEmpty(port: number, arrived: () => number): Promise<void> {
  await until(async () => {
    const response = await request(`http://127.0.0.1:${port}/metrics`)
    return /fluxcloud_queue_depth\{destination="webhook"\} 0\n/.test(await response.body.text())
  }, arrived)
}

/** Asks until the answer is yes; gives up when for a minute there was no progress either. */
async function until(question: () => Promise<boolean>, progress = () => 0): Promise<void> {
  let seen = progress()
  let lastMoved = Date.now()
  while (!(await question().catch(() => false))) {
    if (progress() !== seen) {
      seen = progress()
      lastMoved = Date.now()
    }
    if (Date.now() - lastMoved > 60_000) throw new Error('the service has got nowhere for a minute')
    await delay(10)
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
