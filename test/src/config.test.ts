import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConfigError, loadConfig, secretsOf, type Config } from '../../src/config.ts'
import {
  parseChannels,
  parseDuration,
  parseListenAddress,
  parseSigningSecrets,
  parseSize,
} from '../../src/config/parse.ts'
import { tempDir } from '../support/temp-dir.ts'

const slack = { SLACK_URL: 'https://hooks.slack.com/services/T/B/topsecret', SLACK_CHANNEL: '#ops' }

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  throw new Error('these settings were accepted')
}

describe('settings', () => {
  it('need only Slack’s, and default to what the original used', () => {
    const config = loadConfig(slack)
    expect(config).toMatchObject({
      listen: { host: '::', port: 3031 },
      clusterName: 'default',
      dataDir: './data',
      maxEventBytes: 16 * 1024 * 1024,
      duplicateWindowMs: 24 * 3_600_000,
      links: { repository: '', style: 'auto' },
      slack: {
        username: 'Flux Deployer',
        iconEmoji: ':star-struck:',
        channels: [{ channel: '#ops', namespace: '*' }],
      },
    })
    expect(config.webhook).toBeUndefined()
    expect(config.slack?.url.reveal()).toBe(slack.SLACK_URL)
  })

  it('choose exporters in any case, with blanks, each once', () => {
    const both = { ...slack, WEBHOOK_URL: 'http://receiver/hook' }
    const config = loadConfig({ ...both, EXPORTER_TYPE: ' Webhook , SLACK,slack ' })
    expect(config.slack).toBeDefined()
    expect(config.webhook).toMatchObject({ signingSecrets: [], requestsPerSecond: 10 })
    expect(loadConfig({ ...both, EXPORTER_TYPE: 'webhook' }).slack).toBeUndefined()
  })

  it('count as not set when they are empty', () => {
    expect(loadConfig({ ...slack, SLACK_USERNAME: '', LISTEN_ADDRESS: ' ', CLUSTER_NAME: '' })).toMatchObject(
      {
        slack: { username: 'Flux Deployer' },
        listen: { port: 3031 },
        clusterName: 'default',
      },
    )
    expect(problemsOf({ ...slack, SLACK_URL: '' })).toHaveLength(1)
  })

  it('of the original that have no effect are named, for a warning', () => {
    expect(loadConfig({ ...slack, BODY_TEMPLATE: '{{ .EventType }}', TITLE_TEMPLATE: '' }).ignored).toEqual([
      'BODY_TEMPLATE',
    ])
  })

  it('tolerate the slash at the end of GITHUB_URL', () => {
    expect(loadConfig({ ...slack, GITHUB_URL: 'https://github.com/acme/deploy//' }).links.repository).toBe(
      'https://github.com/acme/deploy',
    )
  })

  it('are all reported at once when wrong, by name and with what to write', () => {
    const problems = problemsOf({
      EXPORTER_TYPE: 'slack,pigeon',
      LISTEN_ADDRESS: 'nowhere',
      SLACK_CHANNEL: '#a=b=c',
      MAX_EVENT_SIZE: 'lots',
      LOG_LEVEL: 'loud',
    })
    const names = problems
      .map((problem) => problem.replace(/ .*/s, ''))
      .toSorted((a, b) => a.localeCompare(b))
    expect(names).toEqual([
      'EXPORTER_TYPE',
      'LISTEN_ADDRESS',
      'LOG_LEVEL',
      'MAX_EVENT_SIZE',
      'SLACK_CHANNEL',
      'SLACK_URL',
    ])
    expect(problems.find((problem) => problem.startsWith('EXPORTER_TYPE'))).toContain('slack, webhook')
    expect(problems.find((problem) => problem.startsWith('SLACK_URL'))).toMatch(
      /is missing: .*hooks\.slack\.com/,
    )
  })

  it('never show a secret in a report or a print', () => {
    const env = {
      SLACK_CHANNEL: '#a',
      SLACK_URL: 'not a url topsecret',
      WEBHOOK_SECRET: 'topsecret',
      LOG_LEVEL: 'x',
    }
    expect(problemsOf(env).join('\n')).not.toContain('topsecret')
    const config = loadConfig({ ...slack, SLACK_TOKEN: 'xoxb-topsecret' })
    expect(inspect(config, { depth: 9 }) + JSON.stringify(config)).not.toContain('topsecret')
    expect(secretsOf(config)).toHaveLength(2)
  })

  it.each(['SLACK_URL', 'SLACK_TOKEN', 'WEBHOOK_URL', 'WEBHOOK_SECRET'])('read %s from a file', (name) => {
    const file = join(tempDir(), 'secret')
    const signing = `whsec_${Buffer.alloc(32, 's').toString('base64')}`
    const value = { SLACK_TOKEN: 'xoxb-1', WEBHOOK_SECRET: signing }[name] ?? 'http://host/path'
    writeFileSync(file, `${value}\n`)
    const all: Record<string, string> = { ...slack, EXPORTER_TYPE: 'slack,webhook', WEBHOOK_URL: 'http://w/' }
    delete all[name]
    const revealed = secretsOf(loadConfig({ ...all, [`${name}_FILE`]: file })).map((secret) =>
      secret.reveal(),
    )
    expect(revealed).toContain(value)
  })

  it('say what is wrong with a secret’s file', () => {
    const empty = join(tempDir(), 'empty')
    writeFileSync(empty, '\n')
    expect(problemsOf({ SLACK_CHANNEL: '#a', SLACK_URL_FILE: '/does/not/exist' })).toEqual([
      expect.stringMatching(/^SLACK_URL_FILE names a file that cannot be read: ENOENT/),
    ])
    expect(problemsOf({ SLACK_CHANNEL: '#a', SLACK_URL_FILE: empty })[0]).toContain('empty file')
    expect(problemsOf({ ...slack, SLACK_URL_FILE: empty })[0]).toContain('keep one of the two')
  })

  it('accept or report any environment, and never fail otherwise', () => {
    const names = [
      'EXPORTER_TYPE',
      'SLACK_URL',
      'SLACK_CHANNEL',
      'LISTEN_ADDRESS',
      'WEBHOOK_SECRET',
      'WEBHOOK_RATE',
    ]
    const environment = fc.dictionary(fc.constantFrom(...names), fc.string({ unit: 'binary' }))
    fc.assert(
      fc.property(environment, (env) => {
        let config: Config | undefined
        try {
          config = loadConfig(env)
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError)
        }
        if (config) expect(config.slack ?? config.webhook).toBeDefined()
      }),
    )
  })
})

describe('notations', () => {
  it.each([
    [':3031', '::', 3031],
    ['3032', '::', 3032],
    ['127.0.0.1:80', '127.0.0.1', 80],
    ['localhost:0', 'localhost', 0],
    ['[::]:3031', '::', 3031],
    ['[::1]:8080', '::1', 8080],
  ])('a listen address of %j', (text, host, port) => {
    expect(parseListenAddress(text)).toEqual({ host, port })
  })

  it.each(['', ':', 'host', 'host:', ':99999', '::1:80', 'a b:80', ':-1', ':80x'])(
    'no listen address in %j',
    (text) => {
      expect(parseListenAddress(text)).toBeUndefined()
    },
  )

  it.each([
    ['24h', 86_400_000],
    ['1h30m', 5_400_000],
    ['500ms', 500],
    ['30d', 2_592_000_000],
    ['5', undefined],
    ['h', undefined],
    ['-1h', undefined],
  ])('a duration of %j', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  it.each([
    ['16MiB', 16_777_216],
    ['16M', 16_777_216],
    ['1 gb', 1_073_741_824],
    ['4096', 4096],
    ['10B', 10],
    ['1.5M', undefined],
    ['M', undefined],
  ])('a size of %j', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes)
  })

  it('channels by namespace', () => {
    expect(parseChannels('#a')).toEqual([{ channel: '#a', namespace: '*' }])
    expect(parseChannels(' #a = x , C024=y,#a=*')).toEqual([
      { channel: '#a', namespace: 'x' },
      { channel: 'C024', namespace: 'y' },
      { channel: '#a', namespace: '*' },
    ])
    for (const bad of ['', '#a,', '=x', '#a=', '#a=b=c', '#a b']) expect(parseChannels(bad)).toBeUndefined()
  })

  it('signing secrets, one or two', () => {
    const secret = (bytes: number): string => `whsec_${Buffer.alloc(bytes, 'x').toString('base64')}`
    expect(parseSigningSecrets(secret(24))).toHaveLength(1)
    expect(parseSigningSecrets(`${secret(32)}, ${secret(64)}`)).toHaveLength(2)
    for (const bad of ['', 'whsec_', secret(23), secret(65), 'plain', [24, 24, 24].map(secret).join(',')]) {
      expect(parseSigningSecrets(bad)).toBeUndefined()
    }
  })
})
