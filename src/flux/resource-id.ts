/**
 * Flux names a workload `namespace:kind/name`, or in old versions `namespace/name`; what belongs to no namespace
 * is in `<cluster>`. Manifests that fail validation yield malformed ids (`<cluster>:namespace/`), so any string
 * must be expected: https://github.com/fluxcd/flux/blob/master/pkg/resource/id.go
 */

/**
 * The namespace part of a resource id, which may be `<cluster>`.
 *
 * @returns undefined when `id` has no namespace in it
 */
export function namespaceOf(id: string): string | undefined {
  const colon = id.indexOf(':')
  const end = colon === -1 ? id.indexOf('/') : colon
  return end > 0 ? id.slice(0, end) : undefined
}
