import type { CommitDetail, FluxEvent, ReleaseDetail, SyncDetail } from '../flux/event.ts'
import { describeResourceId } from '../flux/resource-id.ts'
import { shortRevision } from '../flux/revision.ts'
import { cleanLine } from './clean.ts'
import { truncate, truncateMiddle } from './truncate.ts'

/** In code points; a phone shows less, so what matters comes first. */
export const TITLE_LIMIT = 250
/** Longer names lose their middle, so that what stands behind them is still seen. */
const NAME_LIMIT = 90

/** What happened, in one plain line: `[prod] Synced a1b2c3d: 3 workloads`. */
export function buildTitle(cluster: string, event: FluxEvent): string {
  const prefix = cluster === '' ? '' : `[${truncateMiddle(cluster, NAME_LIMIT)}] `
  return truncate(cleanLine(prefix + whatHappened(event)), TITLE_LIMIT)
}

/** The first line that says anything, such as the subject of a commit. */
export function firstLine(text: string): string {
  // No further than a title reaches, of texts that may be a megabyte.
  const start = text.slice(0, 8 * TITLE_LIMIT).trimStart()
  return cleanLine(start.split(/[\r\n]/, 1)[0] ?? '')
}

function whatHappened(event: FluxEvent): string {
  const said = firstLine(event.message)
  if (said !== '') return said
  const { detail, type } = event
  switch (detail.kind) {
    case 'sync':
      return synced(event, detail)
    case 'commit':
      return committed(event, detail)
    case 'release':
    case 'autorelease':
      return released(event, detail)
    case 'other':
      return (
        OTHERS.get(type)?.(workloads(event)) ?? `${name(type) || 'unknown'} event for ${workloads(event)}`
      )
  }
}

const OTHERS: ReadonlyMap<string, (workloads: string) => string> = new Map([
  ['automate', (workloads: string) => `Automated ${workloads}`],
  ['deautomate', (workloads: string) => `Stopped automating ${workloads}`],
  ['lock', (workloads: string) => `Locked ${workloads}`],
  ['unlock', (workloads: string) => `Unlocked ${workloads}`],
  ['update_policy', (workloads: string) => `Changed policies of ${workloads}`],
])

function synced(event: FluxEvent, { commits, errors, initial }: SyncDetail): string {
  const newest = commits.items[0]
  const revision = name(shortRevision(newest?.revision ?? ''))
  if (errors.total > 0) {
    const what = errors.total === 1 ? resource(errors.items[0]?.id ?? '') : `${errors.total} resources`
    return `${initial ? 'First sync' : 'Sync'} failed for ${what}${revision === '' ? '' : ` (${revision})`}`
  }
  const what = event.serviceIDs.total === 0 ? 'no workloads changed' : workloads(event)
  if (initial) return `First sync${revision === '' ? '' : ` of ${revision}`}: ${what}`
  if (commits.total > 1) return `Synced ${commits.total} commits up to ${revision}: ${what}`
  const subject = firstLine(newest?.message ?? '')
  return `Synced${revision === '' ? '' : ` ${revision}`}: ${what}${subject === '' ? '' : ` – ${subject}`}`
}

function committed(event: FluxEvent, { revision, change, cause, results }: CommitDetail): string {
  const what = CHANGES.get(change)?.(workloads(event)) ?? workloads(event)
  const failed = results.items.filter(({ status }) => status === 'failed').length
  const but = failed === 0 ? '' : `, but ${failed} of ${plural(results.total, 'workload')} failed`
  const short = name(shortRevision(revision))
  return `Committed${short === '' ? '' : ` ${short}`}: ${what}${by(cause.user)}${but}`
}

/** By the type of what was asked for: https://github.com/fluxcd/flux/blob/master/pkg/update/spec.go */
const CHANGES: ReadonlyMap<string, (workloads: string) => string> = new Map([
  ['policy', (workloads: string) => `policy change of ${workloads}`],
  ['image', (workloads: string) => `image update of ${workloads}`],
  ['containers', (workloads: string) => `image update of ${workloads}`],
  ['auto', (workloads: string) => `automatic image update of ${workloads}`],
])

function released(event: FluxEvent, detail: ReleaseDetail): string {
  const { cause, error, images, kind, results } = detail
  const where = detail.allWorkloads ? 'all workloads' : workloads(event)
  const release = `${kind === 'autorelease' ? 'Automatic release' : 'Release'}${by(cause.user)}`
  const failures = results.items.filter(({ status }) => status === 'failed')
  const [failure] = failures
  if (failures.length === 1 && failure !== undefined) return `${release} failed for ${resource(failure.id)}`
  if (failures.length > 0) return `${release} failed for ${failures.length} of ${results.total} workloads`
  if (error !== '') return `${release} to ${where} failed`
  const [first, second] = images.items
  if (first === undefined) return `${release} to ${where} changed no images`
  const others = images.total === 2 && second !== undefined ? name(second) : `${images.total - 1} more images`
  const rest = images.total === 1 ? '' : ` and ${others}`
  return `${kind === 'autorelease' ? 'Automatically released' : 'Released'} ${name(first)}${rest} to ${where}${by(cause.user)}`
}

function workloads({ serviceIDs }: FluxEvent): string {
  const [only] = serviceIDs.items
  if (serviceIDs.total === 1 && only !== undefined) return resource(only)
  return serviceIDs.total === 0 ? 'no workloads' : plural(serviceIDs.total, 'workload')
}

function by(user: string): string {
  return user.trim() === '' ? '' : ` by ${name(user)}`
}

function resource(id: string): string {
  return name(describeResourceId(id))
}

function name(text: string): string {
  return truncateMiddle(text.trim(), NAME_LIMIT)
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
