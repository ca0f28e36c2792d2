import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import fastify from 'fastify'
import { afterEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import connectHint from '../../plugins/connect-hint.ts'
import daemonSocket from '../../plugins/daemon-socket.ts'
import metrics from '../../plugins/metrics.ts'
import { fakeClock } from '../support/fake-clock.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function listen() {
  const clock = fakeClock()
  const warnings: string[] = []
  const stream = { write: (line: string) => void warnings.push((JSON.parse(line) as { msg: string }).msg) }
  const app = fastify({ logger: { level: 'warn', stream } })
  await app.register(metrics)
  await app.register(daemonSocket, { clusterName: 'default', clock })
  await app.register(connectHint, { clock })
  await app.listen({ port: 0, host: '127.0.0.1' })
  cleanups.push(() => app.close())
  const { port } = app.server.address() as AddressInfo
  return { app, clock, port, warnings }
}

test('three minutes without any daemon are worth one warning, with the argument to write', async () => {
  const { clock, port, warnings } = await listen()
  clock.advance(3 * 60_000 - 1)
  expect(warnings).toEqual([])
  clock.advance(1)
  expect(warnings).toEqual([expect.stringContaining('--connect=ws://fluxcloud ')])
  expect(warnings[0]).toContain(`--connect=ws://127.0.0.1:${port} `)
  clock.advance(60 * 60_000)
  expect(warnings).toHaveLength(1)
})

test('a daemon that came, even if it left, is no reason to warn', async () => {
  const { clock, port, warnings } = await listen()
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v11/daemon`)
  await once(socket, 'open')
  socket.close()
  await once(socket, 'close')
  clock.advance(60 * 60_000)
  expect(warnings.filter((warning) => warning.includes('--connect'))).toEqual([])
})

test('a service that stops does not warn any more', async () => {
  const { app, clock, warnings } = await listen()
  await app.close()
  clock.advance(60 * 60_000)
  expect(warnings).toEqual([])
})
