/**
 * What a Flux v1 daemon says in an event, parsed into precise types. The wire format is Go's `event.Event`:
 * https://github.com/fluxcd/flux/blob/master/pkg/event/event.go
 */

/** A list that may have been cut: `total` is how many items the event really had. */
export interface Counted<T> {
  readonly items: readonly T[]
  readonly total: number
}

export interface Commit {
  readonly revision: string
  /** The whole commit message; empty when Flux did not send one. */
  readonly message: string
}

export interface SyncError {
  /** The resource that failed. Any string: manifests that fail validation yield malformed ids. */
  readonly id: string
  /** The manifest's path inside the repository; may be empty. */
  readonly path: string
  readonly error: string
}

export interface Cause {
  readonly user: string
  readonly message: string
}

export interface ContainerUpdate {
  readonly container: string
  /** Image references, `[domain/]name[:tag]`; either may be empty. */
  readonly current: string
  readonly target: string
}

export interface WorkloadResult {
  readonly id: string
  /** `success`, `failed`, `skipped`, `ignored`, `unknown`, or whatever a newer Flux says. */
  readonly status: string
  readonly error: string
  readonly containers: readonly ContainerUpdate[]
}

export interface PolicyChange {
  readonly id: string
  /** Names of policies, with `=value` where the value says more than `true`. */
  readonly added: readonly string[]
  readonly removed: readonly string[]
}

/** git was applied to the cluster. */
export interface SyncDetail {
  readonly kind: 'sync'
  /** Newest first. */
  readonly commits: Counted<Commit>
  readonly errors: Counted<SyncError>
  /** Which kinds of change the commits hold: `other`, `release`, `autorelease`, `update_policy`. */
  readonly includes: readonly string[]
  /** The daemon's first sync of this cluster. */
  readonly initial: boolean
}

/** Flux wrote to git on somebody's behalf. */
export interface CommitDetail {
  readonly kind: 'commit'
  readonly revision: string
  /** What was asked for: `image`, `policy`, `auto`, `sync`, `containers`; may be empty. */
  readonly change: string
  readonly cause: Cause
  readonly policies: Counted<PolicyChange>
  readonly results: Counted<WorkloadResult>
}

/** Images were rolled out: because a person asked (`release`), or by automation (`autorelease`). */
export interface ReleaseDetail {
  readonly kind: 'release' | 'autorelease'
  readonly revision: string
  readonly error: string
  readonly cause: Cause
  /** The release was asked for all workloads, not for named ones. */
  readonly allWorkloads: boolean
  readonly results: Counted<WorkloadResult>
  /** Distinct target images of the results with status `success`, sorted. */
  readonly images: Counted<string>
}

/** Everything else, types of the future included. */
export interface OtherDetail {
  readonly kind: 'other'
}

export type EventDetail = SyncDetail | CommitDetail | ReleaseDetail | OtherDetail

export interface FluxEvent {
  /** As Flux wrote it; not one of a closed set. */
  readonly type: string
  /** The workloads concerned, in the event's own order; any string. */
  readonly serviceIDs: Counted<string>
  /** RFC 3339 with nanoseconds, as on the wire; empty when absent. */
  readonly startedAt: string
  readonly endedAt: string
  /** `debug`, `info`, `warn`, `error`; `info` when absent, as fluxd says `info` even for failed syncs. */
  readonly logLevel: string
  /** When not empty, this is the event's description. */
  readonly message: string
  readonly detail: EventDetail
  /** Distinct namespaces of the workloads and of the resources with errors, in order of appearance. */
  readonly namespaces: readonly string[]
  /**
   * What the event says in one line, the same for every time the same daemon sends it again: type, revisions,
   * sorted workloads and errors, but not `startedAt` or the order of workloads, which change. To be compared only.
   */
  readonly identity: string
}
