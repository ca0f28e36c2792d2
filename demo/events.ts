import { createHash } from 'node:crypto'

/** Events in the words of fluxd: https://github.com/fluxcd/flux/blob/master/pkg/event/event.go */

/** An event as it goes over the wire. */
export interface WireEvent {
  readonly id: 0
  readonly type: string
  readonly serviceIDs: readonly string[]
  readonly startedAt: string
  readonly endedAt: string
  readonly logLevel: 'info'
  readonly metadata: Readonly<Record<string, unknown>>
}

export interface Commit {
  readonly revision: string
  readonly message: string
}

export interface Update {
  readonly workload: string
  readonly container: string
  readonly from: string
  readonly to: string
}

export interface Cause {
  readonly User: string
  readonly Message: string
}

/** A commit whose revision follows from its message, so that every run of the demo tells the same story. */
export function commitOf(message: string): Commit {
  return { revision: createHash('sha1').update(message).digest('hex'), message }
}

/** git was applied to the cluster; `commits` newest first. */
export function sync(
  serviceIDs: readonly string[],
  commits: readonly Commit[],
  metadata: Readonly<Record<string, unknown>> = {},
): WireEvent {
  return event('sync', serviceIDs, { commits, includes: { other: true }, ...metadata })
}

/** Flux wrote to git: new images, because a person asked for them. */
export function imageCommit({ revision }: Commit, cause: Cause, update: Update): WireEvent {
  const spec = { type: 'image', cause, spec: imageSpec(update) }
  return event('commit', [update.workload], { revision, spec, result: resultOf(update) })
}

/** Flux wrote to git: a workload is locked, because a person asked for it. */
export function lockCommit({ revision }: Commit, cause: Cause, workload: string): WireEvent {
  const add = { locked: 'true', locked_user: cause.User, locked_msg: cause.Message }
  const spec = { type: 'policy', cause, spec: { [workload]: { add, remove: null } } }
  const result = { [workload]: { Status: 'success', PerContainer: null } }
  return event('commit', [workload], { revision, spec, result })
}

export function release({ revision }: Commit, cause: Cause, update: Update): WireEvent {
  return event('release', [update.workload], {
    Revision: revision,
    result: resultOf(update),
    spec: { Type: 'releaseImageSpecType', ReleaseImageSpec: imageSpec(update), ReleaseContainersSpec: null },
    cause,
  })
}

export function autorelease({ revision }: Commit, update: Update): WireEvent {
  const { workload, container, from, to } = update
  const change = { WorkloadID: workload, Container: { Name: container, Image: from }, ImageID: to }
  return event('autorelease', [workload], {
    Revision: revision,
    result: resultOf(update),
    spec: { Changes: [change] },
  })
}

/** The same as fluxd would send it a moment later: other times, and workloads in another order. */
export function resent(original: WireEvent): WireEvent {
  return { ...original, ...now(), serviceIDs: original.serviceIDs.toReversed() }
}

function event(
  type: string,
  serviceIDs: readonly string[],
  metadata: Readonly<Record<string, unknown>>,
): WireEvent {
  return { id: 0, type, serviceIDs, ...now(), logLevel: 'info', metadata }
}

function now(): { startedAt: string; endedAt: string } {
  const at = Date.now()
  return { startedAt: new Date(at - 1200).toISOString(), endedAt: new Date(at).toISOString() }
}

function imageSpec({ workload, to }: Update) {
  return { ServiceSpecs: [workload], ImageSpec: to, Kind: 'execute', Excludes: null, Force: false }
}

function resultOf({ workload, container, from, to }: Update) {
  const changed = { Container: container, Current: from, Target: to }
  return { [workload]: { Status: 'success', PerContainer: [changed] } }
}
