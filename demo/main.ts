import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { buildApp } from '../src/app.ts'
import { loadConfig } from '../src/config.ts'
import { startSlackServer } from '../test/support/slack-server.ts'
import { startDaemon } from './daemon.ts'
import { print, say, showLog, showMessage } from './screen.ts'
import { tell } from './story.ts'

const PREFERRED_PORT = 3031

/** Plays the story; then keeps the service running for the visitor, unless `isOnce`. */
async function main(isOnce: boolean, signal: AbortSignal): Promise<void> {
  await using cleanup = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'fluxcloud-demo-'))
  cleanup.defer(() => rm(folder, { recursive: true, force: true }))

  const slack = await startSlackServer({ channels: ['#payments', '#ops'] })
  cleanup.defer(() => slack.close())
  slack.onMessage(showMessage)

  const config = loadConfig({
    DATA_DIR: folder,
    GITHUB_URL: 'https://github.com/example/deploy',
    SLACK_URL: slack.url,
    SLACK_CHANNEL: '#payments=payments,#ops=*',
  })
  const app = await buildApp(config, { logStream: { write: showLog } })
  cleanup.defer(() => app.close())
  const port = await listen(app)
  introduce(port)

  const daemon = await startDaemon({ connect: `ws://127.0.0.1:${port}/prod-eu`, version: '1.25.4' })
  cleanup.defer(() => daemon.disconnect())
  await tell({ daemon, slack, signal })
  if (isOnce) return
  invite(port)
  if (!signal.aborted) await once(signal, 'abort')
  signal.throwIfAborted()
}

/** Listens where the service does by default, or anywhere else when that port is taken. */
async function listen(app: FastifyInstance): Promise<number> {
  const host = '127.0.0.1'
  try {
    await app.listen({ host, port: PREFERRED_PORT })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    await app.listen({ host, port: 0 })
  }
  return (app.server.address() as AddressInfo).port
}

function introduce(port: number): void {
  say(
    'This is fluxcloud, the real service, between a stand-in for Flux and a stand-in for Slack. All three run on ' +
      'this machine and nothing leaves it. #payments is told what concerns the namespace payments, #ops is told ' +
      'everything.',
  )
  print()
  print(`Is it alive?         http://127.0.0.1:${port}/healthz`)
  print(`Does it take events? http://127.0.0.1:${port}/readyz`)
  print(`What has it done?    http://127.0.0.1:${port}/metrics`)
  howToTakePart(port)
}

function howToTakePart(port: number): void {
  const event = '{"type":"sync","serviceIDs":["payments:deployment/api"],"message":"Hello from me"}'
  print(`An event of yours:   curl -d '${event}' http://127.0.0.1:${port}/my-cluster/v6/events`)
  print(`A Flux of yours:     fluxd --connect=ws://127.0.0.1:${port}/my-cluster …`)
}

function invite(port: number): void {
  print()
  say('It is your turn now: fluxcloud runs on, and what it is told appears here. Ctrl-C ends it.')
  print()
  howToTakePart(port)
}

// All of it stays on this machine, so no proxy of this machine's settings may come between.
process.env['NO_PROXY'] = process.env['no_proxy'] = '127.0.0.1'

const stop = new AbortController()
// Only the first signal is ours: a second one ends the process whatever it is doing.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => stop.abort())

try {
  await main(process.argv.includes('--once'), stop.signal)
} catch (error) {
  if (stop.signal.aborted) print('\nStopped.')
  else {
    console.error(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
  }
}
