import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Clock } from '../../../src/clock.ts'
import { RpcClient } from '../../../src/flux/rpc-client.ts'
import { RpcError } from '../../../src/flux/rpc-errors.ts'
import { fakeClock } from '../../support/fake-clock.ts'

function start({ maxReplyBytes }: { maxReplyBytes?: number } = {}) {
  const clock = fakeClock()
  const written: string[] = []
  const stray: unknown[] = []
  const client = new RpcClient({
    clock,
    write: (bytes) => void written.push(bytes.toString()),
    onStrayReply: (id) => void stray.push(id),
    ...(maxReplyBytes !== undefined && { maxReplyBytes }),
  })
  const call = (method = 'RPCServer.Version', timeoutMs = 10_000) => client.call(method, {}, { timeoutMs })
  const feed = (text: string) => client.feed(Buffer.from(text))
  return { clock, written, stray, client, call, feed }
}

const reply = (id: unknown, result: unknown, error: unknown = null) =>
  `${JSON.stringify({ id, result, error })}\n`

/** The outcome of a call that has settled or is about to, as a value that a test can compare. */
const outcome = (call: Promise<unknown>) =>
  call.catch((error: unknown) => (error instanceof RpcError ? error.code : error))

describe('calling', () => {
  test('a request is one line with exactly one parameter, as Go demands', () => {
    const { client, written } = start()
    void outcome(client.call('RPCServer.ListServices', 'default', { timeoutMs: 1 }))
    void outcome(client.call('RPCServer.Version', {}, { timeoutMs: 1 }))
    expect(written).toEqual([
      '{"method":"RPCServer.ListServices","params":["default"],"id":1}\n',
      '{"method":"RPCServer.Version","params":[{}],"id":2}\n',
    ])
  })

  test('replies are matched by id, in whatever order they come', async () => {
    const { call, feed } = start()
    const calls = [call(), call(), call()]
    feed(reply(3, 'three') + reply(1, 'one') + reply(2, 'two'))
    expect(await Promise.all(calls)).toEqual(['one', 'two', 'three'])
  })

  test('a null result without an error is a result: Go says so for an empty list', async () => {
    const { call, feed } = start()
    const pending = call()
    feed(reply(1, null))
    expect(await pending).toBeNull()
  })

  test("the daemon's error becomes a remote error with its words", async () => {
    const { call, feed } = start()
    const pending = call()
    feed(reply(1, null, 'git repo not ready'))
    await expect(pending).rejects.toMatchObject({
      code: 'FLUX_RPC_REMOTE',
      message: 'RPCServer.Version: git repo not ready',
    })
  })

  test.each(["rpc: can't find method RPCServer.Nope", "rpc: can't find service RPCServer.Nope"])(
    'a daemon that lacks the method is told apart: %s',
    async (text) => {
      const { call, feed } = start()
      const pending = call()
      feed(reply(1, null, text))
      await expect(pending).rejects.toMatchObject({ code: 'FLUX_RPC_NO_METHOD' })
    },
  )

  test('an error that only mentions a missing method is not one', async () => {
    const { call, feed } = start()
    const pending = call()
    feed(reply(1, null, "helm said: rpc: can't find method x"))
    expect(await outcome(pending)).toBe('FLUX_RPC_REMOTE')
  })

  test('an error that is no string still fails the call', async () => {
    const { call, feed } = start()
    const pending = call()
    feed(reply(1, 'ignored', { odd: true }))
    await expect(pending).rejects.toMatchObject({ code: 'FLUX_RPC_REMOTE', message: /\{"odd":true\}/ })
  })
})

describe('time', () => {
  test('a call without an answer fails when its time is up, not before', async () => {
    const { clock, call } = start()
    let settled = false
    const pending = outcome(call('RPCServer.Ping', 100)).finally(() => (settled = true))
    clock.advance(99)
    await Promise.resolve()
    expect(settled).toBe(false)
    clock.advance(1)
    expect(await pending).toBe('FLUX_RPC_TIMEOUT')
  })

  test('the late answer is ignored, and later calls are not confused by it', async () => {
    const { clock, call, feed, stray } = start()
    const late = outcome(call('RPCServer.Ping', 100))
    clock.advance(100)
    const next = call()
    feed(reply(1, 'late') + reply(2, 'right'))
    expect(await late).toBe('FLUX_RPC_TIMEOUT')
    expect(await next).toBe('right')
    expect(stray).toEqual([1])
  })

  test('an answered call leaves no timer behind, nor does one that could not be sent', async () => {
    const timers = new Set<object>()
    const clock: Clock = {
      now: () => 0,
      after() {
        const timer = {}
        timers.add(timer)
        return () => void timers.delete(timer)
      },
    }
    let broken = false
    const write = () => {
      if (broken) throw new Error('socket gone')
    }
    const client = new RpcClient({ clock, write })
    const pending = client.call('RPCServer.Ping', {}, { timeoutMs: 100 })
    expect(timers.size).toBe(1)
    client.feed(Buffer.from(reply(1, 'pong')))
    expect(await pending).toBe('pong')
    broken = true
    await expect(client.call('RPCServer.Ping', {}, { timeoutMs: 100 })).rejects.toMatchObject({
      code: 'FLUX_RPC_CLOSED',
      message: /socket gone/,
    })
    expect(timers.size).toBe(0)
  })
})

describe('replies nobody waits for', () => {
  test.each([7, null, 'one', undefined, [1], { a: 1 }])('the id %j is reported, not fatal', async (id) => {
    const { call, feed, stray } = start()
    const pending = call()
    feed(reply(id, 'not yours'))
    feed(reply(1, 'yours'))
    expect(await pending).toBe('yours')
    expect(stray).toEqual([id])
  })

  test('the id as a string is another id', () => {
    const { call, feed, stray } = start()
    void outcome(call())
    feed(reply('1', 'no'))
    expect(stray).toEqual(['1'])
  })
})

describe('closing', () => {
  const gone = new RpcError('FLUX_RPC_CLOSED', 'gone')

  test('rejects everything pending and everything later', async () => {
    const { call, client, feed, written } = start()
    const pending = [outcome(call()), outcome(call())]
    client.close(gone)
    feed(reply(1, 'too late'))
    expect(await Promise.all(pending)).toEqual(['FLUX_RPC_CLOSED', 'FLUX_RPC_CLOSED'])
    await expect(call()).rejects.toBe(gone)
    expect(written).toHaveLength(2)
  })

  test('a second close changes nothing', async () => {
    const { call, client } = start()
    client.close(gone)
    client.close(new RpcError('FLUX_RPC_PROTOCOL', 'later'))
    await expect(call()).rejects.toBe(gone)
  })
})

describe('a peer that does not speak JSON-RPC', () => {
  test.each(['HTTP/1.1 400 Bad Request', '42', 'null', '[]', '"text"', '{"id":1', '{}{}'])(
    'the line %j ends the client',
    async (line) => {
      const { call, feed } = start()
      const pending = outcome(call())
      expect(() => feed(`${line}\n`)).toThrow(RpcError)
      expect(await pending).toBe('FLUX_RPC_PROTOCOL')
      expect(await outcome(call())).toBe('FLUX_RPC_PROTOCOL')
    },
  )

  test('blank lines are JSON whitespace', async () => {
    const { call, feed } = start()
    const pending = call()
    feed(`\n \r\n${reply(1, 'fine')}\n`)
    expect(await pending).toBe('fine')
  })

  test('a line may be as long as the limit and not one byte longer, finished or not, whole or in pieces', async () => {
    const line = reply(1, 'x'.repeat(50))
    const bytes = line.length - 1
    for (const pieces of [[line], line.split('')]) {
      const exact = start({ maxReplyBytes: bytes })
      const pending = exact.call()
      for (const piece of pieces) exact.feed(piece)
      expect(await pending).toBe('x'.repeat(50))

      const short = start({ maxReplyBytes: bytes - 1 })
      const failed = outcome(short.call())
      expect(() => pieces.forEach((piece) => short.feed(piece))).toThrow('longer than')
      expect(await failed).toBe('FLUX_RPC_PROTOCOL')
    }
  })

  test('a line without end is given up at the limit', () => {
    const { feed } = start({ maxReplyBytes: 1000 })
    expect(() => {
      for (let i = 0; i < 1001; i += 1) feed('x')
    }).toThrow('longer than 1000 bytes')
  })

  test('the limit is of one line, not of the connection', async () => {
    const { call, feed } = start({ maxReplyBytes: 100 })
    for (let id = 1; id <= 50; id += 1) {
      const pending = call()
      feed(reply(id, 'x'.repeat(50)))
      expect(await pending).toHaveLength(50)
    }
  })
})

/** Cuts `bytes` at the given places, which may repeat and may lie inside a character. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted((a, b) => a - b)
  return [...ends, bytes.length].map((end, i) => bytes.subarray(i === 0 ? 0 : ends[i - 1], end))
}

test('however a stream of replies is split and joined, and in whatever order it comes, every call gets its own', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.jsonValue({ maxDepth: 2 }), { minLength: 1, maxLength: 12 }),
      fc.array(fc.nat(100_000), { maxLength: 60 }),
      fc.infiniteStream(fc.nat(1000)),
      async (results, places, order) => {
        const { call, client } = start()
        const calls = results.map(() => call())
        const lines = results.map((result, i) => ({ line: reply(i + 1, result), rank: order.next().value }))
        lines.sort((a, b) => a.rank - b.rank)
        const stream = Buffer.from(lines.map(({ line }) => line).join(''))
        // Copied and wiped afterwards, as a socket reuses its memory.
        for (const piece of cut(stream, places)) {
          const chunk = Buffer.from(piece)
          client.feed(chunk)
          chunk.fill('#')
        }
        expect(await Promise.all(calls)).toEqual(results.map((r): unknown => JSON.parse(JSON.stringify(r))))
      },
    ),
  )
})

test('a large reply in small pieces costs time in proportion to its size', async () => {
  const { call, client } = start()
  const pending = call()
  const line = Buffer.from(reply(1, 'x'.repeat(16 * 1024 * 1024)))
  const startedAt = performance.now()
  for (let i = 0; i < line.length; i += 512) client.feed(line.subarray(i, i + 512))
  // 32 000 pieces: joining all that came before at each of them would move 256 GiB.
  expect(performance.now() - startedAt).toBeLessThan(5000)
  expect(await pending).toHaveLength(16 * 1024 * 1024)
})
