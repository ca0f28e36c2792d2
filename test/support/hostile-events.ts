import type { FluxEvent } from '../../src/flux/event.ts'
import { commitEvent, counted, failed, fluxEvent, releaseEvent, syncEvent } from './events.ts'

const MEGABYTE = 1_000_000
const REVISION = 'a1b2c3d4e5f60718293a4b5c6d7e8f9001122334'
const MENTIONS = '<!channel> <!here|here> <@U024BE7LH> <#C024BE7LR> @everyone @here <at>all</at> @**all**'
const MARKS = '*_~`'.repeat(50) + '```\nfence\n``` <https://evil.example|bank> [x](y) &amp; > quote | ** __'
const BROKEN = 'half \ud83d other \ude00 nul \u0000 esc \u001b[31m rtl \u202e sep \u2028 \r\n end'

function syncOf(text: string): FluxEvent {
  return syncEvent([text, `${text}:deployment/x`], {
    commits: counted({ revision: REVISION, message: text }, { revision: text, message: text }),
    errors: counted({ id: text, path: text, error: text }),
  })
}

function releaseOf(text: string): FluxEvent {
  const containers = [{ container: text, current: text, target: `${text}2` }]
  return releaseEvent([text], {
    revision: text,
    error: text,
    cause: { user: text, message: text },
    results: counted({ id: text, status: 'success', error: '', containers }, failed(`${text}x`, text)),
  })
}

function many<T>(count: number, make: (index: number) => T) {
  return counted(...Array.from({ length: count }, (_, index) => make(index)))
}

/** Events that try to break out of a message, or to break it by their size. */
export const hostileEvents: ReadonlyMap<string, FluxEvent> = new Map([
  ...Object.entries({ mentions: MENTIONS, marks: MARKS, 'broken text': BROKEN }).flatMap(([name, text]) => [
    [`${name} in a sync`, syncOf(text)] as const,
    [`${name} in a release`, releaseOf(text)] as const,
    [`${name} in a message`, fluxEvent({ type: text, message: `${text}\n${text}` })] as const,
    [
      `${name} in a commit`,
      commitEvent([text], {
        policies: counted({ id: text, added: [text], removed: [text] }),
        cause: { user: text, message: text },
      }),
    ] as const,
  ]),
  ['a title that escaping makes longer', fluxEvent({ message: '&'.repeat(300) })],
  ['a commit message of a megabyte', syncOf('&'.repeat(MEGABYTE))],
  ['a release of megabytes', releaseOf('<'.repeat(MEGABYTE))],
  ['a megabyte of halves', syncOf('\ud83d'.repeat(MEGABYTE))],
  ['a message of a megabyte', fluxEvent({ message: '`\n'.repeat(MEGABYTE / 2) })],
  [
    '10,000 workloads',
    syncEvent(Array.from({ length: 10_000 }, (_, index) => `team-${index}:deployment/api`)),
  ],
  [
    '10,000 errors',
    syncEvent([], {
      errors: many(10_000, (index) => ({
        id: `a:b/${index}`,
        path: 'x.yaml',
        error: `${index}: ${'no such host '.repeat(80)}`,
      })),
    }),
  ],
  [
    '10,000 commits',
    syncEvent([], { commits: many(10_000, (index) => ({ revision: REVISION, message: `Commit ${index}` })) }),
  ],
  ['10,000 results', releaseEvent([], { results: many(10_000, (index) => failed(`a:b/${index}`, 'no')) })],
  ['nothing at all', fluxEvent({ type: '', startedAt: '', endedAt: '' })],
])
