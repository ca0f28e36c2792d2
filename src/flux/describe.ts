import type { FluxEvent, ReleaseDetail, SyncDetail } from './event.ts'
import { shortRevision } from './revision.ts'

/**
 * The one-line description that Flux gives an event, as its `Event.String()` does, so that what people know from
 * Flux's history and from older templates stays true:
 * https://github.com/fluxcd/flux/blob/master/pkg/event/event.go
 *
 * Only events of which we kept a part differ: their lists end in how many more there were.
 */
export function describe(event: FluxEvent): string {
  if (event.message !== '') return event.message
  const { detail } = event
  switch (detail.kind) {
    case 'sync':
      return `Sync: ${syncedRevisions(detail)}, ${workloads(event) || 'no workloads changed'}`
    case 'commit':
      return `Commit: ${shortRevision(detail.revision)}, ${workloads(event) || '<no changes>'}`
    case 'release': {
      const by = detail.cause.user === '' ? '' : `, by ${detail.cause.user}`
      const why = detail.cause.message === '' ? '' : `, with message ${quoteAsGo(detail.cause.message)}`
      const released = detail.allWorkloads ? 'all workloads' : workloads(event) || 'no workloads'
      return `Released: ${images(detail)} to ${released}${by}${why}`
    }
    case 'autorelease':
      return `Automated release of ${images(detail)}`
    case 'other': {
      const verb = VERBS.get(event.type)
      return verb === undefined ? `Unknown event: ${event.type}` : `${verb}: ${workloads(event)}`
    }
  }
}

const VERBS: ReadonlyMap<string, string> = new Map([
  ['automate', 'Automated'],
  ['deautomate', 'Deautomated'],
  ['lock', 'Locked'],
  ['unlock', 'Unlocked'],
  ['update_policy', 'Updated policies'],
])

function syncedRevisions({ commits }: SyncDetail): string {
  const newest = commits.items[0]
  if (newest === undefined) return '<no revision>'
  if (commits.total <= 2) return shortRevision(newest.revision)
  const oldest = commits.items.at(-1)
  // Of a list that was cut, the last commit we have is not the oldest.
  if (oldest === undefined || commits.items.length < commits.total) {
    return `${shortRevision(newest.revision)} and ${commits.total - 1} before it`
  }
  return `${shortRevision(oldest.revision)}..${shortRevision(newest.revision)}`
}

/** Sorted, because the order on the wire is that of a Go map, which changes from one event to the next. */
function workloads({ serviceIDs }: FluxEvent): string {
  return joined([...serviceIDs.items].toSorted(), serviceIDs.total)
}

function images({ images }: ReleaseDetail): string {
  return joined(images.items, images.total) || 'no image changes'
}

function joined(items: readonly string[], total: number): string {
  const more = total - items.length
  return items.join(', ') + (more > 0 ? ` and ${more} more` : '')
}

const GO_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\u0007', '\\a'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\v', '\\v'],
])

/** Go's `%q`: https://pkg.go.dev/strconv#Quote. */
function quoteAsGo(text: string): string {
  const escaped = text.toWellFormed().replace(/["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, (character) => {
    const short = GO_ESCAPES.get(character)
    if (short !== undefined) return short
    const code = character.codePointAt(0) ?? 0
    const hex = code.toString(16)
    if (code < 0x20 || code === 0x7f) return `\\x${hex.padStart(2, '0')}`
    return code > 0xffff ? `\\U${hex.padStart(8, '0')}` : `\\u${hex.padStart(4, '0')}`
  })
  return `"${escaped}"`
}
