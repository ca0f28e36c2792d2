import { hash } from 'node:crypto'
import type {
  Cause,
  Commit,
  ContainerUpdate,
  Counted,
  EventDetail,
  FluxEvent,
  PolicyChange,
  ReleaseDetail,
  SyncError,
  WorkloadResult,
} from './event.ts'
import { field, isObject, object, objects, text, texts, type JsonObject } from './json.ts'
import { namespaceOf } from './resource-id.ts'

/** More items than this say nothing to a person; the rest is counted. Keeps every later step bounded. */
const MAX_ITEMS = 5000

/** From here on an identity is replaced by its digest. Below, that would only cost: the whole will be digested. */
const MAX_IDENTITY = 4096

/** The request does not hold an event: says what is wrong with it, for the person who reads Flux's log. */
export class InvalidEventError extends Error {
  override readonly name = 'InvalidEventError'
}

/**
 * Parses an event as loosely as Flux means it: only an object with a type is asked for, and whatever else is
 * missing, malformed or new reads as empty.
 *
 * @param payload the JSON text as it arrived
 * @throws {InvalidEventError} when it is not JSON, not an object, or has no type
 */
export function decodeEvent(payload: string): FluxEvent {
  const raw = parse(payload)
  const type = text(raw, 'type')
  if (type === '') {
    throw new InvalidEventError('the event has no type: "type" must be a string such as "sync" or "release"')
  }
  const serviceIDs = texts(raw, 'serviceIDs')
  const startedAt = text(raw, 'startedAt')
  const message = text(raw, 'message')
  const metadata = object(raw, 'metadata')
  const { detail, revisions, failures } = decodeDetail(type, metadata)
  return {
    type,
    serviceIDs: counted(serviceIDs),
    startedAt,
    endedAt: text(raw, 'endedAt'),
    logLevel: text(raw, 'logLevel') || 'info',
    message,
    detail,
    namespaces: namespacesOf(serviceIDs, detail),
    identity: identify(
      [type, message],
      serviceIDs.toSorted(),
      failures,
      // What names no revision is never sent again by fluxd, and two locks of one workload within a day are
      // two events: those are told apart by all that they say, their start included.
      revisions.length > 0 ? revisions : [startedAt, JSON.stringify(metadata)],
    ),
  }
}

function parse(payload: string): JsonObject {
  if (payload.trim() === '') throw new InvalidEventError('the request has no body: post one event as JSON')
  let value: unknown
  try {
    value = JSON.parse(payload)
  } catch (error) {
    throw new InvalidEventError(`the body is not JSON: ${(error as Error).message.slice(0, 200)}`)
  }
  if (!isObject(value)) throw new InvalidEventError('the body is JSON, but not an object: post one event')
  return value
}

interface Decoded {
  readonly detail: EventDetail
  /** All revisions that the event names; together with what failed they make it that event. */
  readonly revisions: readonly string[]
  readonly failures: readonly string[]
}

function decodeDetail(type: string, metadata: JsonObject): Decoded {
  switch (type) {
    case 'sync':
      return decodeSync(metadata)
    case 'commit':
      return decodeCommit(metadata)
    case 'release':
    case 'autorelease':
      return decodeRelease(type, metadata)
    default:
      return { detail: { kind: 'other' }, revisions: [], failures: [] }
  }
}

function decodeSync(metadata: JsonObject): Decoded {
  const commits = decodeCommits(metadata)
  const errors = objects(metadata, 'errors').map((item): SyncError => ({
    id: text(item, 'ID'),
    path: text(item, 'Path'),
    error: text(item, 'Error'),
  }))
  const includes = object(metadata, 'includes')
  return {
    detail: {
      kind: 'sync',
      commits: counted(commits),
      errors: counted(errors),
      includes: Object.keys(includes)
        .filter((name) => includes[name] === true)
        .slice(0, MAX_ITEMS),
      initial: field(metadata, 'initialSync') === true,
    },
    revisions: commits.map((commit) => commit.revision),
    failures: errors.map(({ id, path, error }) => `${id} ${path} ${error}`).toSorted(),
  }
}

/** Commits with their messages, or from before Flux 1.8 bare revisions. */
function decodeCommits(metadata: JsonObject): Commit[] {
  const commits = objects(metadata, 'commits')
  if (commits.length > 0) {
    return commits.map((item) => ({ revision: text(item, 'revision'), message: text(item, 'message') }))
  }
  return texts(metadata, 'revisions').map((revision) => ({ revision, message: '' }))
}

function decodeCommit(metadata: JsonObject): Decoded {
  const revision = text(metadata, 'revision')
  const spec = object(metadata, 'spec')
  const change = text(spec, 'type')
  const results = decodeResults(metadata)
  return {
    detail: {
      kind: 'commit',
      revision,
      change,
      cause: decodeCause(spec),
      policies: counted(change === 'policy' ? decodePolicies(object(spec, 'spec')) : []),
      results: counted(results),
    },
    revisions: revision === '' ? [] : [revision],
    failures: failuresOf(results),
  }
}

function decodeRelease(kind: ReleaseDetail['kind'], metadata: JsonObject): Decoded {
  const revision = text(metadata, 'revision')
  const error = text(metadata, 'error')
  const results = decodeResults(metadata)
  const spec = object(metadata, 'spec')
  // Since 1.9 the spec is wrapped with its type; before, it was the image spec itself.
  const imageSpec = isObject(field(spec, 'ReleaseImageSpec')) ? object(spec, 'ReleaseImageSpec') : spec
  return {
    detail: {
      kind,
      revision,
      error,
      cause: decodeCause(metadata),
      allWorkloads: texts(imageSpec, 'ServiceSpecs').includes('<all>'),
      results: counted(results),
      images: counted(releasedImages(results)),
    },
    revisions: revision === '' ? [] : [revision],
    failures: [error, ...failuresOf(results)],
  }
}

function decodeCause(parent: JsonObject): Cause {
  const cause = object(parent, 'cause')
  return { user: text(cause, 'User'), message: text(cause, 'Message') }
}

function decodePolicies(spec: JsonObject): PolicyChange[] {
  return Object.entries(spec).map(([id, change]) => ({
    id,
    added: policyNames(isObject(change) ? object(change, 'add') : {}),
    removed: policyNames(isObject(change) ? object(change, 'remove') : {}),
  }))
}

function policyNames(policies: JsonObject): string[] {
  return Object.entries(policies)
    .slice(0, MAX_ITEMS)
    .map(([name, value]) => (typeof value === 'string' && value !== 'true' ? `${name}=${value}` : name))
}

function decodeResults(metadata: JsonObject): WorkloadResult[] {
  return Object.entries(object(metadata, 'result')).map(([id, value]) => {
    const result = isObject(value) ? value : {}
    return {
      id,
      status: text(result, 'Status'),
      error: text(result, 'Error'),
      containers: objects(result, 'PerContainer').slice(0, MAX_ITEMS).map(decodeContainer),
    }
  })
}

function decodeContainer(item: JsonObject): ContainerUpdate {
  return { container: text(item, 'Container'), current: text(item, 'Current'), target: text(item, 'Target') }
}

function failuresOf(results: readonly WorkloadResult[]): string[] {
  return results.map(({ id, status, error }) => `${id} ${status} ${error}`).toSorted()
}

function releasedImages(results: readonly WorkloadResult[]): string[] {
  const images = new Set<string>()
  for (const result of results) {
    if (result.status !== 'success') continue
    for (const { target } of result.containers) if (target !== '') images.add(target)
  }
  return [...images].toSorted()
}

function namespacesOf(serviceIDs: readonly string[], detail: EventDetail): string[] {
  const namespaces = new Set<string>()
  const add = (id: string): void => {
    const namespace = namespaceOf(id)
    if (namespace !== undefined) namespaces.add(namespace)
  }
  for (const id of serviceIDs) add(id)
  // A resource that failed may be missing among the workloads; its namespace wants to know most of all.
  if (detail.kind === 'sync') for (const { id } of detail.errors.items) add(id)
  return [...namespaces]
}

function counted<T>(items: readonly T[]): Counted<T> {
  return { items: items.length > MAX_ITEMS ? items.slice(0, MAX_ITEMS) : items, total: items.length }
}

/** Each text with its length before it, each list with its: no two events run together into the same. */
function identify(...parts: readonly (readonly string[])[]): string {
  let identity = ''
  for (const part of parts) {
    identity += `${part.length};`
    for (const item of part) identity += `${item.length}:${item}`
  }
  return identity.length > MAX_IDENTITY ? hash('sha256', identity, 'base64url') : identity
}
