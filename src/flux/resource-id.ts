/**
 * What Flux calls a workload or manifest: `namespace:kind/name`, `<cluster>:kind/name` for what has no namespace,
 * the legacy `namespace/name` of a service, or, after manifests that failed validation, nearly anything.
 * https://github.com/fluxcd/flux/blob/master/pkg/resource/id.go
 */
export interface ResourceId {
  /** `<cluster>` for what belongs to no namespace; may be empty when the id is malformed, as may the others. */
  readonly namespace: string
  /** Lower case, as Flux compares kinds. */
  readonly kind: string
  readonly name: string
}

/**
 * Reads as much of an id as it holds. Flux's own reader refuses ids such as `<cluster>:namespace/`, which it sends
 * itself: refusing them here would lose exactly the events that tell of broken manifests.
 *
 * @returns undefined for text in neither notation
 */
export function parseResourceId(id: string): ResourceId | undefined {
  const slash = id.indexOf('/')
  if (slash === -1) return undefined
  const colon = id.indexOf(':')
  // A colon behind the slash belongs to the name.
  if (colon === -1 || colon > slash) {
    const legacy = { namespace: id.slice(0, slash), kind: 'service', name: id.slice(slash + 1) }
    return legacy.namespace === '' || legacy.name.includes('/') ? undefined : legacy
  }
  return {
    namespace: id.slice(0, colon),
    kind: id.slice(colon + 1, slash).toLowerCase(),
    name: id.slice(slash + 1),
  }
}

/** The id as people are shown it: as it is, since it is what fluxctl takes; an empty one in words. */
export function describeResourceId(id: string): string {
  return id.trim() === '' ? 'a resource without a name' : id
}

/** The namespace that an id names, which may be `<cluster>`; undefined when it names none. */
export function namespaceOf(id: string): string | undefined {
  return parseResourceId(id)?.namespace || undefined
}
