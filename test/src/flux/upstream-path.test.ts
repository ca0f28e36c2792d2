import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { clusterOf, rewriteUpstreamUrl } from '../../../src/flux/upstream-path.ts'

const split = (url: string) => [clusterOf(url, '(none)'), rewriteUpstreamUrl(url)]

describe('a URL of Flux', () => {
  test.each([
    ['/v11/daemon', '(none)', '/v11/daemon'],
    ['/v6/events', '(none)', '/v6/events'],
    ['/prod-eu/v11/daemon', 'prod-eu', '/v11/daemon'],
    ['/a/b/v6/events', 'a/b', '/v6/events'],
    ['/api/flux/v6/events', '(none)', '/v6/events'],
    ['/prod/api/flux/v6/events', 'prod', '/v6/events'],
    ['/api/flux/prod/v6/events', 'api/flux/prod', '/v6/events'],
    ['/api/v6/events', 'api', '/v6/events'],
    ['//prod//eu///v11//daemon', 'prod/eu', '/v11/daemon'],
    ['//v6/events', '(none)', '/v6/events'],
    ['/prod/v6/events?dry=1&x=/v11/daemon', 'prod', '/v6/events?dry=1&x=/v11/daemon'],
    ['/v11/daemon/v6/events', 'v11/daemon', '/v6/events'],
    ['/caf%C3%A9/v6/events', 'café', '/v6/events'],
    ['/50%25%/v6/events', '50%25%', '/v6/events'],
    ['/%ff/v6/events', '%ff', '/v6/events'],
    ['/a%0d%0ab%1b%5B31m%E2%80%AEc%00/v6/events', 'ab[31mc', '/v6/events'],
    ['/%20/v6/events', '(none)', '/v6/events'],
    ['/__proto__/v6/events', '__proto__', '/v6/events'],
  ])('%s is of cluster %s and goes to %s', (url, cluster, rewritten) => {
    expect(split(url)).toEqual([cluster, rewritten])
  })
})

test.each([
  '/',
  '',
  '*',
  '/healthz',
  '/daemon',
  '/events',
  '/v/daemon',
  '/vx/daemon',
  '/v6x/events',
  '/v6/events/',
  '/v6/eventss',
  '/v6/xevents',
  '/prod/v6/services',
  '/x?next=/prod/v6/events',
  'v6/events',
  'http://host/v6/events',
  '/v6%2Fevents',
])('%j stays as it is', (url) => {
  expect(split(url)).toEqual(['(none)', url])
})

test('a name is cut at 200 characters, never inside one', () => {
  const name = clusterOf(`/${encodeURIComponent('🚀'.repeat(5000))}/v6/events`, 'default')
  expect(name).toBe('🚀'.repeat(200))
})

test('any prefix leads to the same route, and rewriting twice changes nothing', () => {
  const segment = fc.oneof(fc.string(), fc.string({ unit: 'binary' }).map(encodePart), fc.constant('%zz'))
  const prefix = fc.array(segment.map((s) => s.replaceAll(/[?]/g, ''))).map((segments) => segments.join('/'))
  fc.assert(
    fc.property(prefix, fc.constantFrom('/v6/daemon', '/v11/daemon', '/v6/events'), (prefix, path) => {
      const url = `/${prefix}${path}`
      expect(rewriteUpstreamUrl(url)).toBe(path)
      expect(rewriteUpstreamUrl(path)).toBe(path)
      const cluster = clusterOf(url, 'default')
      expect(cluster).not.toBe('')
      expect(cluster).not.toMatch(/[\p{Cc}\u2028\u2029]/u)
      expect(Array.from(cluster).length).toBeLessThanOrEqual(200)
    }),
  )
})

test('readable prefixes are the name of the cluster', () => {
  const word = fc
    .stringMatching(/^[\p{L}\p{N}._~ -]{1,20}$/u)
    .filter((s) => s.trim() === s && !/\p{Cf}/u.test(s))
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), (words) => {
      fc.pre(words.slice(-2).join('/') !== 'api/flux')
      expect(clusterOf(`/${words.map(encodePart).join('/')}/v6/events`, 'default')).toBe(words.join('/'))
    }),
  )
})

test('a URL of nothing but slashes does not take long', () => {
  const startedAt = performance.now()
  for (let i = 0; i < 100; i += 1) {
    rewriteUpstreamUrl('/'.repeat(16_000))
    rewriteUpstreamUrl(`${'/'.repeat(16_000)}daemon`)
    clusterOf(`${'/'.repeat(8000)}v6${'/'.repeat(8000)}events`, '')
  }
  expect(performance.now() - startedAt).toBeLessThan(1000)
})

function encodePart(text: string): string {
  return encodeURIComponent(text.toWellFormed())
}
