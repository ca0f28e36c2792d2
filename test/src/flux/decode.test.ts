import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeEvent, InvalidEventError } from '../../../src/flux/decode.ts'

const decode = (event: unknown): ReturnType<typeof decodeEvent> => decodeEvent(JSON.stringify(event))

const sync = {
  id: 0,
  type: 'sync',
  serviceIDs: ['default:deployment/api', '<cluster>:namespace/team-a', 'team-b:helmrelease/db.v1:x'],
  startedAt: '2026-11-22T10:00:00.123456789Z',
  endedAt: '2026-11-22T10:00:01Z',
  logLevel: 'info',
  metadata: {
    commits: [
      { revision: 'bbbbbbbb', message: 'second' },
      { revision: 'aaaaaaaa', message: 'first' },
    ],
    includes: { other: true, release: false },
    errors: [{ ID: 'team-c:deployment/x', Path: 'x.yaml', Error: 'boom' }],
    initialSync: true,
  },
}

describe('decoding an event', () => {
  it('reads a sync', () => {
    expect(decode(sync)).toMatchObject({
      type: 'sync',
      startedAt: '2026-11-22T10:00:00.123456789Z',
      serviceIDs: { total: 3 },
      namespaces: ['default', '<cluster>', 'team-b', 'team-c'],
      detail: {
        kind: 'sync',
        initial: true,
        includes: ['other'],
        commits: { total: 2, items: [{ revision: 'bbbbbbbb', message: 'second' }, { revision: 'aaaaaaaa' }] },
        errors: { items: [{ id: 'team-c:deployment/x', path: 'x.yaml', error: 'boom' }] },
      },
    })
  })

  it('reads the bare revisions of old daemons', () => {
    const { detail } = decode({ type: 'sync', metadata: { revisions: ['abc', 'def'] } })
    expect(detail).toMatchObject({
      commits: { items: [{ revision: 'abc', message: '' }, { revision: 'def' }] },
    })
  })

  it('reads a commit with its cause and its policies', () => {
    const { detail } = decode({
      type: 'commit',
      serviceIDs: ['default:deployment/api'],
      metadata: {
        revision: 'abc',
        spec: {
          type: 'policy',
          cause: { Message: 'because', User: 'Alice' },
          spec: {
            'default:deployment/api': {
              add: { locked: 'true', 'tag.api': 'glob:1.*' },
              remove: { automated: 'true' },
            },
          },
        },
        result: { 'default:deployment/api': { Status: 'success', PerContainer: null } },
      },
    })
    expect(detail).toEqual({
      kind: 'commit',
      revision: 'abc',
      change: 'policy',
      cause: { user: 'Alice', message: 'because' },
      policies: {
        total: 1,
        items: [
          { id: 'default:deployment/api', added: ['locked', 'tag.api=glob:1.*'], removed: ['automated'] },
        ],
      },
      results: {
        total: 1,
        items: [{ id: 'default:deployment/api', status: 'success', error: '', containers: [] }],
      },
    })
  })

  const result = {
    'default:deployment/b': {
      Status: 'success',
      PerContainer: [{ Container: 'b', Current: 'quay.io/b:1', Target: 'quay.io/b:2' }],
    },
    'default:deployment/a': {
      Status: 'failed',
      Error: 'no',
      PerContainer: [{ Container: 'a', Target: 'a:9' }],
    },
  }

  it('reads a release, its spec wrapped or bare, and only the images that were rolled out', () => {
    const image = { ServiceSpecs: ['<all>'], ImageSpec: '<all latest>', Kind: 'execute', Excludes: null }
    for (const spec of [{ Type: 'releaseImageSpecType', ReleaseImageSpec: image }, image]) {
      const metadata = { Revision: 'abc', result, spec, cause: { User: 'Bob', Message: '' }, error: 'partly' }
      expect(decode({ type: 'release', metadata }).detail).toMatchObject({
        kind: 'release',
        revision: 'abc',
        error: 'partly',
        allWorkloads: true,
        cause: { user: 'Bob' },
        images: { items: ['quay.io/b:2'], total: 1 },
        results: { total: 2 },
      })
    }
  })

  it('reads an automated release', () => {
    const { detail } = decode({
      type: 'autorelease',
      metadata: { Revision: 'abc', result, spec: { Changes: [] } },
    })
    expect(detail).toMatchObject({
      kind: 'autorelease',
      allWorkloads: false,
      images: { items: ['quay.io/b:2'] },
    })
  })

  it('takes types that it does not know', () => {
    expect(decode({ type: 'from the future', metadata: { x: 1 } }).detail).toEqual({ kind: 'other' })
  })

  it('matches field names in any case, as Go does', () => {
    const event = {
      TYPE: 'sync',
      ServiceIds: ['a:b/c'],
      METADATA: { Commits: [{ Revision: 'x', MESSAGE: 'y' }] },
    }
    expect(decode(event)).toMatchObject({
      type: 'sync',
      serviceIDs: { items: ['a:b/c'] },
      detail: { commits: { items: [{ revision: 'x', message: 'y' }] } },
    })
  })

  it('reads fields of the wrong type as empty', () => {
    const event = {
      type: 'sync',
      serviceIDs: [1, null, 'a:b/c'],
      startedAt: 5,
      metadata: { commits: 'x', errors: [7] },
    }
    expect(decode(event)).toMatchObject({
      serviceIDs: { items: ['a:b/c'], total: 1 },
      startedAt: '',
      detail: { commits: { total: 0 }, errors: { total: 0 } },
    })
  })

  it('counts what a huge list holds without keeping it all', () => {
    const serviceIDs = Array.from({ length: 20_000 }, (_, i) => `ns-${i}:deployment/x`)
    const { serviceIDs: kept, namespaces } = decode({ type: 'sync', serviceIDs })
    expect(kept.total).toBe(20_000)
    expect(kept.items.length).toBe(5000)
    expect(namespaces.length).toBe(20_000)
  })

  it.each([
    ['', 'no body'],
    ['  ', 'no body'],
    ['{', 'not JSON'],
    ['[]', 'not an object'],
    ['"sync"', 'not an object'],
    ['null', 'not an object'],
    ['{}', 'no type'],
    ['{"type":""}', 'no type'],
    ['{"type":7}', 'no type'],
  ])('refuses %j and says why', (body, why) => {
    expect(() => decodeEvent(body)).toThrow(InvalidEventError)
    expect(() => decodeEvent(body)).toThrow(why)
  })

  it('throws nothing but its own error, whatever arrives', () => {
    const anyText = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.jsonValue().map((v) => JSON.stringify(v)),
    )
    fc.assert(
      fc.property(anyText, (body) => {
        try {
          decodeEvent(body)
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidEventError)
        }
      }),
    )
  })

  it('takes any metadata for any type', () => {
    const type = fc.constantFrom('sync', 'commit', 'release', 'autorelease', 'lock', '__proto__')
    const metadata = fc.dictionary(
      fc.constantFrom('commits', 'errors', 'result', 'spec', 'cause', 'revision', 'includes', '__proto__'),
      fc.jsonValue(),
    )
    fc.assert(
      fc.property(type, metadata, fc.jsonValue(), (type, metadata, serviceIDs) => {
        expect(decode({ type, metadata, serviceIDs }).type).toBe(type)
      }),
    )
  })
})

describe('what makes two events the same', () => {
  const identity = (event: unknown): string => decode(event).identity

  it('is not the moment, nor the order of workloads, nor the spelling of the JSON', () => {
    const resent = {
      ...sync,
      startedAt: '2026-11-22T10:05:00Z',
      endedAt: '2026-11-22T10:05:03Z',
      serviceIDs: sync.serviceIDs.toReversed(),
    }
    expect(identity(resent)).toBe(identity(sync))
    expect(decodeEvent(JSON.stringify(sync, null, 4)).identity).toBe(identity(sync))
  })

  it.each([
    ['type', { type: 'commit' }],
    ['workloads', { serviceIDs: ['default:deployment/other'] }],
    ['commits', { metadata: { ...sync.metadata, commits: [{ revision: 'cccc', message: '' }] } }],
    ['errors', { metadata: { ...sync.metadata, errors: [] } }],
    [
      'error text',
      { metadata: { ...sync.metadata, errors: [{ ...sync.metadata.errors[0], Error: 'other' }] } },
    ],
  ])('is the %s', (_what, change) => {
    expect(identity({ ...sync, ...change })).not.toBe(identity(sync))
  })

  it('tells a second lock of the same workload from the first', () => {
    const lock = { type: 'lock', serviceIDs: ['a:b/c'], startedAt: '2026-11-22T10:00:00Z' }
    expect(identity(lock)).toBe(identity({ ...lock }))
    expect(identity({ ...lock, startedAt: '2026-11-22T11:00:00Z' })).not.toBe(identity(lock))
  })

  it('holds for any order of workloads and errors', () => {
    const ids = fc.array(fc.string(), { maxLength: 8 })
    const errors = fc.array(fc.record({ ID: fc.string(), Path: fc.string(), Error: fc.string() }), {
      maxLength: 8,
    })
    fc.assert(
      fc.property(ids, errors, fc.infiniteStream(fc.nat()), (serviceIDs, errors, random) => {
        const shuffled = <T>(items: readonly T[]): T[] =>
          items
            .map((item) => ({ item, key: random.next().value ?? 0 }))
            .toSorted((a, b) => a.key - b.key)
            .map(({ item }) => item)
        const commits = [{ revision: 'abc', message: '' }]
        const event = { type: 'sync', serviceIDs, metadata: { commits, errors } }
        const again = {
          type: 'sync',
          serviceIDs: shuffled(serviceIDs),
          metadata: { commits, errors: shuffled(errors) },
        }
        expect(identity(again)).toBe(identity(event))
      }),
    )
  })
})
