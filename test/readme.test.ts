import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { ConfigError, loadConfig, settings } from '../src/config.ts'
import { sign } from '../src/delivery/sign.ts'
import { Secret } from '../src/secret.ts'
import { openSqliteStore } from '../src/store/sqlite-store.ts'
import { tempDir } from './support/temp-dir.ts'

const ROOT = join(import.meta.dirname, '..')
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')

/** The rows of tables whose first cell is code, by what is in it. */
const rows = new Map(
  [...readme.matchAll(/^\| `(\w+)` \| (.*?) ?\| (.*) \|$/gm)].map(
    ([, name = '', second = '', third = '']) => [name, { second, third }],
  ),
)

/** The first fenced block in that language. */
function block(language: string): string {
  return new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'ms').exec(readme)?.[1] ?? ''
}

function isSecret(name: string): boolean {
  try {
    loadConfig({ [`${name}_FILE`]: '/there/is/no/such/file' })
  } catch (error) {
    return (
      error instanceof ConfigError && error.problems.some((problem) => problem.startsWith(`${name}_FILE`))
    )
  }
  return false
}

describe('the README has every setting', () => {
  test.each(Object.entries(settings))('%s', (name, setting) => {
    const given = 'default' in setting ? setting.default : ''
    const row = rows.get(name)
    if (given === '') expect(row?.second).toMatch(/^$|^required for /)
    else expect(row?.second).toBe(`\`${given}\``)
    expect(row?.third.includes(`\`${name}_FILE\``)).toBe(isSecret(name))
    for (const value of 'enum' in setting ? setting.enum : []) expect(row?.third).toContain(`\`${value}\``)
  })

  test('and none that there is not', () => {
    const table = readme.slice(readme.indexOf('## Settings'), readme.indexOf('## Several clusters'))
    const named = [...table.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name)
    expect(new Set(named)).toEqual(new Set(Object.keys(settings)))
  })
})

test('the README has every metric, and none that there is not', () => {
  const source = readdirSync(join(ROOT, 'plugins'))
    .map((file) => readFileSync(join(ROOT, 'plugins', file), 'utf8'))
    .join('\n')
  const registered = new Set(source.match(/\bfluxcloud_[a-z_]+/g))
  expect(registered.size).toBeGreaterThan(5)
  expect(new Set(readme.match(/\bfluxcloud_[a-z_]+/g))).toEqual(registered)
})

test('the README quotes messages that the log really has', () => {
  const source = readdirSync(join(ROOT, 'plugins'))
    .map((file) => readFileSync(join(ROOT, 'plugins', file), 'utf8'))
    .join('\n')
  const table = readme.slice(readme.indexOf('| `msg` |'), readme.indexOf('**Stopping.**'))
  const cells = table
    .split('\n')
    .slice(2)
    .map((line) => line.split('|')[1] ?? '')
  const messages = cells.flatMap((cell) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, message = '']) => message),
  )
  expect(messages.length).toBeGreaterThan(8)
  // The last word of this one is the judgement's.
  for (const message of messages) expect(source).toContain(message.replace(': retry', ': ${judgement.kind}'))
})

test('what the README links to is there', () => {
  const targets = [...readme.matchAll(/\]\((?!https?:)([^)]+)\)/g)].map(([, target = '']) => target)
  const anchors = [...readme.matchAll(/^#+ (.+)$/gm)].map(
    ([, heading = '']) => `#${heading.toLowerCase().replaceAll(' ', '-')}`,
  )
  for (const target of targets) {
    if (target.startsWith('#')) expect(anchors).toContain(target)
    else expect(() => readFileSync(join(ROOT, target))).not.toThrow()
  }
})

test('the README counts on scripts that exist', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object }
  const named = ['README.md', 'CONTRIBUTING.md'].flatMap((file) => [
    ...readFileSync(join(ROOT, file), 'utf8').matchAll(/\bnpm (?:run )?(?!ci\b|install\b|run\b)([a-z:]+)/g),
  ])
  expect(named.length).toBeGreaterThan(3)
  for (const [, name = ''] of named) expect(Object.keys(scripts)).toContain(name)
})

test("the README's way to verify a signature accepts ours and no other", async () => {
  const file = join(tempDir(), 'verify.mjs')
  writeFileSync(file, block('js'))
  const { isGenuine } = (await import(pathToFileURL(file).href)) as {
    isGenuine: (secret: string, headers: Record<string, string>, body: string) => boolean
  }
  const [old, secret] = ['old', 'new'].map(
    (name) => `whsec_${Buffer.from(`${name} signing secret of a receiver`).toString('base64')}`,
  )
  if (old === undefined || secret === undefined) throw new Error('two secrets are needed')
  const body = '{"Title":"Grüße"}'
  const now = String(Math.floor(Date.now() / 1000))
  const signed = (by: string, timestamp = now) => ({
    'webhook-id': 'a-1',
    'webhook-timestamp': timestamp,
    'webhook-signature': sign(new Secret(by), 'a-1', timestamp, Buffer.from(body)),
  })
  expect(isGenuine(secret, signed(secret), body)).toBe(true)
  const both = `${signed(old)['webhook-signature']} ${signed(secret)['webhook-signature']}`
  expect(isGenuine(secret, { ...signed(secret), 'webhook-signature': both }, body)).toBe(true)
  expect(isGenuine(secret, signed(old), body)).toBe(false)
  expect(isGenuine(secret, signed(secret), `${body} `)).toBe(false)
  expect(isGenuine(secret, signed(secret, String(Number(now) - 600)), body)).toBe(false)
  expect(isGenuine(secret, {}, body)).toBe(false)
})

test("the README's question for dead letters is one that the store understands", async () => {
  const dir = tempDir()
  const store = openSqliteStore(dir)
  const db = new DatabaseSync(join(dir, 'fluxcloud.db'), { readOnly: true })
  expect(db.prepare(block('sql')).all()).toEqual([])
  db.close()
  await store.close()
})
