import { printable } from '../printable.ts'

/**
 * `fluxd --connect=ws://host/prod` asks for `/prod/v11/daemon` and posts to `/prod/v6/events`: what people write
 * behind the host is theirs, and names the cluster.
 */

const MAX_CLUSTER_LENGTH = 200
/** What most requests ask for; nothing has to be found out about it. */
const EVENTS = '/v6/events'

interface UpstreamUrl {
  /** Everything before the Flux path as written, `/prod`; empty when there is nothing. */
  readonly prefix: string
  /** `/v11/daemon` or `/v6/events`, with the query string. */
  readonly rest: string
}

/**
 * Takes the prefix off a URL that ends as Flux's do, so that routes need not know of it; any other URL stays as
 * it is. It runs on every request, before anything is known about it: linear, and nearly free for other URLs.
 */
export function rewriteUpstreamUrl(url: string): string {
  if (url === EVENTS) return url
  return splitUpstreamUrl(url)?.rest ?? url
}

/**
 * The cluster that a URL names, as `prod-eu` or `team/prod-eu`, readable and at most 200 characters long.
 *
 * @param originalUrl as requested, before `rewriteUpstreamUrl`
 * @param defaultName the cluster of daemons that name none
 */
export function clusterOf(originalUrl: string, defaultName: string): string {
  if (originalUrl === EVENTS) return defaultName
  const prefix = splitUpstreamUrl(originalUrl)?.prefix ?? ''
  if (prefix === '') return defaultName
  const segments = prefix.split('/').filter((segment) => segment !== '')
  // Weave Cloud lived under /api/flux, and its clients still write that; it names no cluster.
  if (segments.at(-2) === 'api' && segments.at(-1) === 'flux') segments.splice(-2)
  const name = printable(segments.map(decodeSegment).join('/'), MAX_CLUSTER_LENGTH)
  return name === '' ? defaultName : name
}

function splitUpstreamUrl(url: string): UpstreamUrl | undefined {
  const query = url.indexOf('?')
  const path = query === -1 ? url : url.slice(0, query)
  if (!path.endsWith('/daemon') && !path.endsWith('/events')) return undefined
  // By hand and from the end: a regular expression that allows repeated slashes here is quadratic in them.
  const versionEnd = beforeSlashes(path, path.length - '/events'.length)
  const slash = path.lastIndexOf('/', versionEnd - 1)
  const version = path.slice(slash + 1, versionEnd)
  if (slash === -1 || !path.startsWith('/') || !/^v\d{1,9}$/.test(version)) return undefined
  return {
    prefix: path.slice(0, beforeSlashes(path, slash)),
    rest: `/${version}${path.slice(-'/events'.length)}${query === -1 ? '' : url.slice(query)}`,
  }
}

/** Where the run of slashes that holds the one at `index` begins. */
function beforeSlashes(path: string, index: number): number {
  let start = index
  while (start > 0 && path[start - 1] === '/') start -= 1
  return start
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
