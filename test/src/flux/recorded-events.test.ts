import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe as suite, expect, it } from 'vitest'
import { decodeEvent } from '../../../src/flux/decode.ts'
import { describe } from '../../../src/flux/describe.ts'

const FIXTURES = join(import.meta.dirname, '../../fixtures/flux-events')

const read = (name: string): string => readFileSync(join(FIXTURES, name), 'utf8')

/** Flux's own `Event.String()` of each sample; see test/conformance. */
const descriptions = JSON.parse(read('descriptions.json')) as Record<string, string>

/** Where Flux itself fails: an event about a resource with an empty id makes its `String()` panic. */
const PANICS = new Set(['sync-5'])

suite('events as Flux’s own code sends them', () => {
  const names = readdirSync(FIXTURES).filter((name) => name !== 'descriptions.json')

  it('are here in every type', () => {
    expect(names.length).toBe(Object.keys(descriptions).length)
    expect(names.length).toBeGreaterThanOrEqual(19)
  })

  it.each(names)('%s is described as Flux describes it', (name) => {
    const sample = name.replace('.json', '')
    const event = decodeEvent(read(name))
    expect(event.type).toBe(sample.replace(/-\d+$/, ''))
    if (!PANICS.has(sample)) expect(describe(event)).toBe(descriptions[sample])
  })

  it('differ from each other in what makes them the same event', () => {
    expect(new Set(names.map((name) => decodeEvent(read(name)).identity)).size).toBe(names.length)
  })
})
