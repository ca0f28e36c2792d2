import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runApp } from './support/app.ts'
import { tempDir } from './support/temp-dir.ts'

const root = join(import.meta.dirname, '..')

/** What the linter says, by the project's rules, of one file at `path` that holds `source`. */
function lint(path: string, source: string): string {
  const dir = tempDir()
  // Layers are a matter of names: what needs types would also need a project around it.
  const rules = readFileSync(join(root, '.oxlintrc.json'), 'utf8').replace(
    '"typeAware": true',
    '"typeAware": false',
  )
  writeFileSync(join(dir, '.oxlintrc.json'), rules)
  mkdirSync(join(dir, path, '..'), { recursive: true })
  writeFileSync(join(dir, path), source)
  const oxlint = join(root, 'node_modules/.bin/oxlint')
  return spawnSync(process.execPath, [oxlint], { cwd: dir, encoding: 'utf8' }).stdout
}

describe('the house', () => {
  it.each([
    ['exporters/bad.ts', 'undici', 'the delivery loop owns the network'],
    ['exporters/bad.ts', '../src/store/sqlite-store.ts', 'exporters know nothing of the store'],
    ['exporters/bad.ts', './slack.ts', 'exporters know nothing of each other'],
    ['exporters/bad.ts', '../plugins/delivery.ts', "through the registry's decorator only"],
    ['plugins/bad.ts', '../exporters/slack.ts', 'do not know which exporters exist'],
    ['src/bad.ts', 'fastify', 'true without a web server'],
    ['src/store/bad.ts', '../../plugins/store.ts', 'never back'],
  ])('keeps its arrows one-way: in %s the linter finds an import of %s', (path, imported, message) => {
    expect(lint(path, `import { x } from '${imported}'\n\nexport const used = [x]\n`)).toContain(message)
  })

  it('lets an exporter use the registry, so the rules are not just against everything', () => {
    const source = `import '../plugins/exporters.ts'\nimport { x } from '../src/exporter.ts'\n\nexport const used = [x]\n`
    expect(lint('exporters/good.ts', source)).toContain('Found 0 warnings and 0 errors')
  })

  it('is made of named plugins, each registered after what it depends on', async () => {
    const { app } = await runApp({
      EXPORTER_TYPE: 'slack,webhook',
      SLACK_URL: 'http://127.0.0.1:9/x',
      SLACK_CHANNEL: '#a',
      WEBHOOK_URL: 'http://127.0.0.1:9/x',
    })
    const names = [
      'errors',
      'metrics',
      'store',
      'event-reader',
      'exporters',
      'slack-exporter',
      'webhook-exporter',
      'delivery',
      'events',
      'daemon-socket',
      'connect-hint',
      'health',
    ]
    const plugins = app.printPlugins()
    const places = names.map((name) => plugins.search(new RegExp(` ${name} `)))
    expect(places).not.toContain(-1)
    expect(places).toEqual(places.toSorted((one, other) => one - other))
    expect(names.filter((name) => !app.hasPlugin(name))).toEqual([])
  })
})
