import type {
  Commit,
  CommitDetail,
  ContainerUpdate,
  Counted,
  FluxEvent,
  PolicyChange,
  ReleaseDetail,
  SyncDetail,
  SyncError,
  WorkloadResult,
} from '../flux/event.ts'
import { describeResourceId } from '../flux/resource-id.ts'
import { shortRevision } from '../flux/revision.ts'
import type { Links } from './links.ts'
import type { Item, Line, Message, Outcome, Section, Span } from './message.ts'
import { buildTitle, firstLine, TITLE_LIMIT } from './title.ts'

/** More than any target shows; what is beyond it is only counted. */
const MOST_ITEMS = 250
/** Of resources that fail for one reason, so many are named. */
const NAMED_TOGETHER = 5

/**
 * What people are told about `event`: what failed first, then what changed, and who wanted it and why.
 *
 * @param cluster shown in the title; empty for none
 */
export function buildMessage(context: { cluster: string; event: FluxEvent; links: Links }): Message {
  const { cluster, event, links } = context
  return {
    cluster,
    outcome: outcomeOf(event),
    title: buildTitle(cluster, event),
    link: links.commit(newestRevision(event)),
    sections: sectionsOf(event, links).filter(({ items, omitted }) => items.length > 0 || omitted > 0),
  }
}

function outcomeOf({ detail, logLevel, serviceIDs, type }: FluxEvent): Outcome {
  if (logLevel === 'error') return 'failure'
  switch (detail.kind) {
    case 'sync':
      if (detail.errors.total > 0) return 'failure'
      return serviceIDs.total > 0 ? 'success' : 'neutral'
    case 'commit':
      return detail.results.items.some(isFailed) ? 'failure' : 'success'
    case 'release':
    case 'autorelease':
      if (detail.error !== '' || detail.results.items.some(isFailed)) return 'failure'
      return detail.images.total > 0 ? 'success' : 'neutral'
    case 'other':
      return CHANGES.has(type) ? 'success' : 'neutral'
  }
}

const CHANGES: ReadonlySet<string> = new Set(['automate', 'deautomate', 'lock', 'unlock', 'update_policy'])

function newestRevision({ detail }: FluxEvent): string {
  if (detail.kind === 'sync') return detail.commits.items[0]?.revision ?? ''
  return detail.kind === 'other' ? '' : detail.revision
}

function sectionsOf(event: FluxEvent, links: Links): Section[] {
  const { detail } = event
  switch (detail.kind) {
    case 'sync':
      return [syncErrors(detail), description(event), commits(detail, links), workloads(event)]
    case 'commit':
      return [
        failedResults(detail.results),
        description(event),
        reason(detail),
        policies(detail.policies),
        images(detail.results),
        // Those above name the workloads already.
        ...(detail.policies.total + detail.results.total > 0 ? [] : [workloads(event)]),
      ]
    case 'release':
    case 'autorelease':
      return [
        releaseError(detail),
        failedResults(detail.results),
        description(event),
        reason(detail),
        images(detail.results),
        unchanged(detail.results),
        ...(detail.results.total > 0 ? [] : [workloads(event)]),
      ]
    case 'other':
      return [description(event), workloads(event)]
  }
}

/** What Flux says in so many words, when the title holds only the first of its lines. */
function description({ message }: FluxEvent): Section {
  const text = message.trim()
  return section('', text.includes('\n') || text.length > TITLE_LIMIT / 2 ? [{ line: [], detail: text }] : [])
}

/** Errors by what went wrong: forty resources that fail for one reason are one item. */
function syncErrors({ errors }: SyncDetail): Section {
  const byText = Map.groupBy(errors.items, ({ error }) => error)
  const items = [...byText].slice(0, MOST_ITEMS).map(([error, group]): Item => ({
    line: failedTogether(group),
    detail: error.trim() === '' ? 'Flux gave no reason' : error,
    count: group.length,
  }))
  return section(headed('Error', 'Errors', errors.total), items, errors.total - countOf(items))
}

function failedTogether(group: readonly SyncError[]): Line {
  const [first] = group
  if (first !== undefined && group.length === 1 && first.path !== '') {
    return [code(describeResourceId(first.id)), { text: ' in ' }, code(first.path)]
  }
  const names = group.slice(0, NAMED_TOGETHER).map(({ id }): Line => [code(describeResourceId(id))])
  return join(names, group.length)
}

/** `a, b and 3 more`, of `total` things. */
function join(lines: readonly Line[], total: number): Line {
  const more = total - lines.length
  return [
    ...lines.flatMap((line, index) => (index === 0 ? line : [{ text: ', ' }, ...line])),
    ...(more > 0 ? [{ text: ` and ${more} more` }] : []),
  ]
}

function releaseError({ error, results }: ReleaseDetail): Section {
  // Flux repeats here the error of the one workload that failed.
  const repeated = results.items.some(
    (result) => isFailed(result) && result.error !== '' && error.endsWith(result.error),
  )
  return section('Error', error.trim() === '' || repeated ? [] : [{ line: [], detail: error }])
}

function isFailed({ status }: WorkloadResult): boolean {
  return status === 'failed'
}

function failedResults(results: Counted<WorkloadResult>): Section {
  const failed = results.items.filter(isFailed)
  return section(
    headed('Failed', 'Failed', failed.length),
    failed.slice(0, MOST_ITEMS).map(({ id, error }) => ({
      line: [code(describeResourceId(id))],
      detail: error.trim() === '' ? 'Flux gave no reason' : error,
    })),
    failed.length - MOST_ITEMS,
  )
}

function reason({ cause }: CommitDetail | ReleaseDetail): Section {
  const parts = [cause.user.trim(), cause.message.trim()].filter((part) => part !== '')
  // One span each, as a span that is too long is cut by itself.
  const line = parts.flatMap((text, index): Line => (index === 0 ? [{ text }] : [{ text: ': ' }, { text }]))
  return section(cause.user.trim() === '' ? 'Reason' : 'Requested by', parts.length === 0 ? [] : [{ line }])
}

function commits({ commits }: SyncDetail, links: Links): Section {
  const items = commits.items.slice(0, MOST_ITEMS).map((commit) => ({ line: commitLine(commit, links) }))
  return section(headed('Commit', 'Commits', commits.total), items, commits.total - items.length)
}

function commitLine({ revision, message }: Commit, links: Links): Line {
  const subject = firstLine(message)
  const link = links.commit(revision)
  const short = shortRevision(revision)
  return [
    ...(short === '' ? [] : [link === '' ? ({ text: short, look: 'code' } as const) : { text: short, link }]),
    ...(subject === '' ? [] : [{ text: short === '' ? subject : ` ${subject}` }]),
  ]
}

function workloads({ serviceIDs }: FluxEvent): Section {
  // Flux takes them from a map, in an order that differs each time.
  const ids = serviceIDs.items.toSorted().slice(0, MOST_ITEMS)
  const items = ids.map((id) => ({ line: [code(describeResourceId(id))] }))
  return section(headed('Workload', 'Workloads', serviceIDs.total), items, serviceIDs.total - items.length)
}

function images(results: Counted<WorkloadResult>): Section {
  // A policy's commit reports each workload as a success without any container.
  const changed = results.items.filter(
    ({ status, containers }) => status === 'success' && containers.length > 0,
  )
  const items = changed.slice(0, MOST_ITEMS).map(({ id, containers }) => ({
    line: [code(describeResourceId(id)), ...containerChanges(containers)],
  }))
  const unseen = results.total - results.items.length
  return section(
    headed('Image', 'Images', changed.length + unseen),
    items,
    changed.length - items.length + unseen,
  )
}

function containerChanges(containers: readonly ContainerUpdate[]): Line {
  const shown = containers.slice(0, NAMED_TOGETHER).map(({ container, current, target }): Line => {
    // Of one container it goes without saying which.
    const name = containers.length > 1 ? `${container} ` : ''
    if (current === '' || current === target) return [{ text: name }, code(target)]
    return [{ text: name }, code(current), { text: ' → ' }, code(newTag(current, target))]
  })
  return containers.length === 0 ? [] : [{ text: ': ' }, ...join(shown, containers.length)]
}

/** Of an image that stays the same but for its tag, the tag. */
function newTag(current: string, target: string): string {
  const colon = target.lastIndexOf(':')
  const repository = target.slice(0, colon + 1)
  const isTag = colon > target.lastIndexOf('/') && colon < target.length - 1
  return isTag && current.startsWith(repository) ? target.slice(colon + 1) : target
}

/** What a release looked at and left alone: one by one with Flux's reason when that is all there is to tell. */
function unchanged({ items: results }: ReleaseDetail['results']): Section {
  const rest = results.filter((result) => result.status !== 'success' && !isFailed(result))
  if (rest.length === results.length) {
    const items = rest.slice(0, MOST_ITEMS).map(({ id, status, error }) => ({
      line: [
        code(describeResourceId(id)),
        { text: ` ${status}` },
        ...(error === '' ? [] : [{ text: `: ${error}` }]),
      ],
    }))
    return section(headed('Not changed', 'Not changed', rest.length), items, rest.length - items.length)
  }
  const byStatus = Map.groupBy(rest, ({ status }) => status)
  const counts = [...byStatus]
    .slice(0, NAMED_TOGETHER)
    .map(([status, { length }]): Line => [{ text: `${length} ${status}` }])
  return section('Not changed', counts.length === 0 ? [] : [{ line: join(counts, counts.length) }])
}

function policies({ items: changes, total }: Counted<PolicyChange>): Section {
  const items = changes.slice(0, MOST_ITEMS).map(({ id, added, removed }) => ({
    line: [
      code(describeResourceId(id)),
      ...policyNames(': added ', added),
      ...policyNames(added.length > 0 ? ', removed ' : ': removed ', removed),
    ],
  }))
  return section(headed('Policy', 'Policies', total), items, total - items.length)
}

function policyNames(verb: string, names: readonly string[]): Line {
  if (names.length === 0) return []
  const shown = names.slice(0, NAMED_TOGETHER).map((name): Line => [code(name)])
  return [{ text: verb }, ...join(shown, names.length)]
}

function code(text: string): Span {
  return { text, look: 'code' }
}

function headed(one: string, several: string, total: number): string {
  return total > 1 ? `${several} (${total})` : one
}

function countOf(items: readonly Item[]): number {
  return items.reduce((sum, { count = 1 }) => sum + count, 0)
}

function section(heading: string, items: readonly Item[], omitted = 0): Section {
  return { heading, items, omitted: Math.max(omitted, 0) }
}
