import type {
  CommitDetail,
  Counted,
  EventDetail,
  FluxEvent,
  ReleaseDetail,
  SyncDetail,
  WorkloadResult,
} from '../../src/flux/event.ts'

/** Builders of parsed events: everything is empty unless a test says otherwise. */

export function counted<T>(...items: readonly T[]): Counted<T> {
  return { items, total: items.length }
}

export function fluxEvent(fields: Partial<FluxEvent> = {}): FluxEvent {
  return {
    type: 'other',
    serviceIDs: counted(),
    startedAt: '2026-11-22T14:24:00.123456789Z',
    endedAt: '2026-11-22T14:24:01.5Z',
    logLevel: 'info',
    message: '',
    detail: { kind: 'other' },
    namespaces: [],
    identity: 'identity',
    ...fields,
  }
}

/** An event of the detail's own type that concerns `ids`, with the namespaces of those. */
function withDetail(detail: EventDetail, ids: readonly string[], fields: Partial<FluxEvent>): FluxEvent {
  const namespaces = [...new Set(ids.map((id) => id.split(':')[0] ?? ''))]
  return fluxEvent({ type: detail.kind, detail, serviceIDs: counted(...ids), namespaces, ...fields })
}

export function syncEvent(
  ids: readonly string[] = [],
  detail: Partial<SyncDetail> = {},
  fields: Partial<FluxEvent> = {},
): FluxEvent {
  const empty: SyncDetail = {
    kind: 'sync',
    commits: counted(),
    errors: counted(),
    includes: [],
    initial: false,
  }
  return withDetail({ ...empty, ...detail }, ids, fields)
}

export function commitEvent(
  ids: readonly string[] = [],
  detail: Partial<CommitDetail> = {},
  fields: Partial<FluxEvent> = {},
): FluxEvent {
  const empty: CommitDetail = {
    kind: 'commit',
    revision: 'a1b2c3d4e5f60718293a4b5c6d7e8f9001122334',
    change: '',
    cause: { user: '', message: '' },
    policies: counted(),
    results: counted(),
  }
  return withDetail({ ...empty, ...detail }, ids, fields)
}

export function releaseEvent(
  ids: readonly string[] = [],
  detail: Partial<ReleaseDetail> = {},
  fields: Partial<FluxEvent> = {},
): FluxEvent {
  const results = detail.results ?? counted()
  const targets = results.items
    .filter(({ status }) => status === 'success')
    .flatMap(({ containers }) => containers.map(({ target }) => target))
  const images = [...new Set(targets)].toSorted()
  const empty: ReleaseDetail = {
    kind: 'release',
    revision: 'a1b2c3d4e5f60718293a4b5c6d7e8f9001122334',
    error: '',
    cause: { user: '', message: '' },
    allWorkloads: false,
    results,
    images: counted(...images),
  }
  return withDetail({ ...empty, ...detail }, ids, fields)
}

/** A workload whose one container went from `current` to `target`. */
export function updated(id: string, current: string, target: string, container = 'api'): WorkloadResult {
  return { id, status: 'success', error: '', containers: [{ container, current, target }] }
}

export function failed(id: string, error: string): WorkloadResult {
  return { id, status: 'failed', error, containers: [] }
}
