import * as fc from 'fast-check'
import type { Counted, EventDetail, FluxEvent } from '../../src/flux/event.ts'

/** Text that has broken chat messages before: marks, mentions, halves of characters, invisible ones, escapes. */
const nasty = fc.constantFrom(
  '<!channel>',
  '<@U024BE7LH>',
  '<https://evil.example|click>',
  '&amp;',
  '&',
  '>',
  '|',
  '`',
  '```',
  '*',
  '_',
  '~',
  '@here',
  '\ud83d',
  '\ude00',
  '\u{1F469}\u200d\u{1F680}',
  '\u0000',
  '\u001b[31m',
  '\u202e',
  '\u2028',
  '\r\n',
  '\n',
  '\t',
  ' ',
  '"',
  '\\',
  '€',
)

/** Any text, mostly short and sometimes long. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.string() },
  {
    weight: 3,
    arbitrary: fc.array(fc.oneof(nasty, fc.string({ maxLength: 5 }))).map((parts) => parts.join('')),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.oneof(nasty, fc.string({ minLength: 1, maxLength: 5 })), fc.integer({ min: 1, max: 6000 }))
      .map(([part, times]) => part.repeat(times)),
  },
)

const resourceId = fc.oneof(
  fc.constantFrom(
    'default:deployment/api',
    'team-a:daemonset/agent',
    '<cluster>:namespace/',
    'default/api',
    '',
  ),
  anyText,
)
const revision = fc.oneof(fc.stringMatching(/^[0-9a-f]{40}$/), anyText)

/** A list, sometimes long, of which sometimes only a part was kept. */
function counted<T>(item: fc.Arbitrary<T>): fc.Arbitrary<Counted<T>> {
  const items = fc.oneof(
    { weight: 5, arbitrary: fc.array(item, { maxLength: 8 }) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(item, fc.integer({ min: 1, max: 600 }))
        .map(([one, times]) => Array<T>(times).fill(one)),
    },
  )
  const cut = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 1_000_000 }))
  return fc.tuple(items, cut).map(([items, more]) => ({ items, total: items.length + more }))
}

const cause = fc.record({ user: anyText, message: anyText })
const results = counted(
  fc.record({
    id: resourceId,
    status: fc.oneof(fc.constantFrom('success', 'failed', 'skipped', 'ignored', 'unknown'), anyText),
    error: anyText,
    containers: fc.array(fc.record({ container: anyText, current: anyText, target: anyText }), {
      maxLength: 8,
    }),
  }),
)

const detail: fc.Arbitrary<EventDetail> = fc.oneof(
  fc.record({
    kind: fc.constant('sync' as const),
    commits: counted(fc.record({ revision, message: anyText })),
    errors: counted(fc.record({ id: resourceId, path: anyText, error: anyText })),
    includes: fc.array(anyText, { maxLength: 4 }),
    initial: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('commit' as const),
    revision,
    change: fc.oneof(fc.constantFrom('image', 'policy', 'auto', 'sync', 'containers', ''), anyText),
    cause,
    policies: counted(fc.record({ id: resourceId, added: fc.array(anyText), removed: fc.array(anyText) })),
    results,
  }),
  fc.record({
    kind: fc.constantFrom('release' as const, 'autorelease' as const),
    revision,
    error: anyText,
    cause,
    allWorkloads: fc.boolean(),
    results,
    images: counted(anyText),
  }),
  fc.record({ kind: fc.constant('other' as const) }),
)

/** Any event that the decoder could yield, and many that it never would. */
export const anyEvent: fc.Arbitrary<FluxEvent> = fc.record({
  type: fc.oneof(
    fc.constantFrom('sync', 'commit', 'release', 'autorelease', 'lock', 'update_policy'),
    anyText,
  ),
  serviceIDs: counted(resourceId),
  startedAt: fc.oneof(fc.constantFrom('2026-11-22T14:24:00.123456789Z', '0001-01-01T00:00:00Z', ''), anyText),
  endedAt: fc.oneof(fc.constantFrom('2026-11-22T14:24:01Z', ''), anyText),
  logLevel: fc.constantFrom('debug', 'info', 'warn', 'error'),
  message: fc.oneof(fc.constant(''), anyText),
  detail,
  namespaces: fc.array(anyText, { maxLength: 8 }),
  identity: fc.stringMatching(/^[0-9a-f]{64}$/),
})
