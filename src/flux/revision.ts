/** Cut to the 7 characters that Flux and git show; a shorter one stays as it is. */
export function shortRevision(revision: string): string {
  return revision.slice(0, 7)
}

/** Whether `revision` can be the (abbreviated) hash of a commit, SHA-1 or SHA-256. */
export function looksLikeRevision(revision: string): boolean {
  return /^[0-9a-f]{4,64}$/i.test(revision)
}
