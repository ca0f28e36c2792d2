import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { tempDir } from '../support/temp-dir.ts'

const ROOT = join(import.meta.dirname, '../..')
/** The story takes a dozen seconds, as it keeps to Slack's pace. */
const WHOLE_STORY_MS = 60_000

interface Run {
  readonly child: ChildProcess
  /** What it has printed so far, errors included. */
  output(): string
  /** Resolves with the exit code; a number only when the process ended by itself. */
  readonly ended: Promise<number | null>
}

const runs: Run[] = []

function runDemo(args: readonly string[], env: Readonly<Record<string, string>> = {}): Run {
  const child = spawn(process.execPath, ['demo/main.ts', ...args], {
    cwd: ROOT,
    env: { ...process.env, FORCE_COLOR: undefined, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  const ended = once(child, 'close').then(([code]) => code as number | null)
  const run = { child, output: () => output, ended }
  runs.push(run)
  return run
}

function shows(run: Run, text: string): Promise<void> {
  return vi.waitFor(() => expect(run.output()).toContain(text), { timeout: WHOLE_STORY_MS, interval: 20 })
}

afterEach(async () => {
  for (const { child, ended } of runs.splice(0)) {
    if (child.exitCode === null) child.kill('SIGKILL')
    await ended
  }
})

describe('npm run demo', () => {
  test(
    'tells its whole story with --once, and ends well',
    async () => {
      const tmp = tempDir()
      // A proxy that is not there: nothing of the demo may go through one.
      const proxy = 'http://127.0.0.1:9'
      const run = runDemo(['--once'], { TMPDIR: tmp, HTTP_PROXY: proxy, http_proxy: proxy })
      expect(await run.ended, run.output()).toBe(0)
      const output = run.output()
      for (const line of [
        'http://127.0.0.1:',
        '[prod-eu] First sync of ',
        'Image payments:deployment/api: registry.example.com/payments/api:2.3.1 → 2.4.0',
        'https://github.com/example/deploy/commit/',
        '[prod-eu] Sync failed for 2 resources',
        'event received again: not sent again',
        '429 rate_limited',
        '9 messages in #payments and 10 in #ops, each once and in order',
      ]) {
        expect(output.replace(/\s+/g, ' ')).toContain(line)
      }
      expect(output).not.toContain('&lt;')
      // Without a terminal there are no colours.
      expect(output).not.toContain('\u001B')
      expect(readdirSync(tmp), 'what is left of the temporary folder').toEqual([])
    },
    WHOLE_STORY_MS,
  )

  test(
    'takes events of its visitor until Ctrl-C, beside whatever has its port',
    async () => {
      const squatter = createServer().listen(3031, '127.0.0.1')
      // Somebody else's may be there already, which is as good.
      squatter.on('error', () => {})
      onTestFinished(() => void squatter.close())
      const run = runDemo([])
      await shows(run, 'It is your turn now')
      const url = /http:\/\/127\.0\.0\.1:\d+\/my-cluster\/v6\/events/.exec(run.output())?.[0] ?? ''
      expect(new URL(url).port).not.toBe('3031')
      const body = /-d '(\{.+\})'/.exec(run.output())?.[1] ?? ''
      expect((await fetch(url, { method: 'POST', body })).status).toBe(200)
      await shows(run, '[my-cluster] Hello from me')

      const asked = performance.now()
      run.child.kill('SIGINT')
      expect(await run.ended, run.output()).toBe(0)
      expect(performance.now() - asked).toBeLessThan(2000)
    },
    WHOLE_STORY_MS,
  )

  test('ends well on Ctrl-C in the middle of its story', async () => {
    const run = runDemo(['--once'])
    await shows(run, '2. Alice')
    run.child.kill('SIGINT')
    expect(await run.ended, run.output()).toBe(0)
    expect(run.output()).toMatch(/Stopped\.\n$/)
  })
})
