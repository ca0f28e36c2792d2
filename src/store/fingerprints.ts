import type { DatabaseSync } from 'node:sqlite'

/** Once so many are only in memory, they are moved to the index. */
const MERGE_AT = 4096
/** How many one write moves: about a millisecond's worth. */
const MERGE_STEP = 512

interface Recent {
  readonly seq: number
  readonly receivedAt: number
}

/**
 * Which events are known, by fingerprint. Fingerprints are random, so an index that is kept up with every event
 * rewrites one page of it per event, which doubles the cost of accepting one. Instead the newest are held in
 * memory and moved to the index some thousand at a time, in order, so that neighbours share a page. The truth
 * is in the events themselves: `indexed_to` says which are in the index, and the others are read at start.
 */
export class Fingerprints {
  readonly #sql: ReturnType<typeof prepareStatements>
  readonly #recent = new Map<string, Recent>()
  /** Added since the last commit: forgotten again when it fails. */
  #uncommitted: string[] = []
  /** What is being moved, sorted, and up to which event it goes. */
  #merging: { entries: [string, Recent][]; to: number } | undefined

  constructor(db: DatabaseSync) {
    this.#sql = prepareStatements(db)
    for (const row of this.#sql.notIndexed.iterate()) {
      const { seq, received_at: receivedAt, fingerprint } = row as Record<string, unknown>
      this.#recent.set(toKey(fingerprint as Uint8Array), { seq: Number(seq), receivedAt: Number(receivedAt) })
    }
  }

  /** The event with this fingerprint that was received at `since` or later. Within a transaction. */
  find(fingerprint: Uint8Array, since: number): number | undefined {
    const recent = this.#recent.get(toKey(fingerprint))
    if (recent !== undefined) return recent.receivedAt >= since ? recent.seq : undefined
    const seq = this.#sql.find.get(fingerprint, since)?.['seq']
    return seq === undefined ? undefined : Number(seq)
  }

  /** Remembers a new event. Within the transaction that inserts it. */
  add(fingerprint: Uint8Array, seq: number, receivedAt: number): void {
    const key = toKey(fingerprint)
    this.#recent.set(key, { seq, receivedAt })
    this.#uncommitted.push(key)
  }

  /** Forgets an event that has been deleted; the index forgets it by itself. */
  forget(fingerprint: Uint8Array, seq: number): void {
    const key = toKey(fingerprint)
    if (this.#recent.get(key)?.seq === seq) this.#recent.delete(key)
  }

  committed(): void {
    if (this.#uncommitted.length > 0) this.#uncommitted = []
  }

  rolledBack(): void {
    for (const key of this.#uncommitted) this.#recent.delete(key)
    this.#uncommitted = []
  }

  /** Whether it is time to call `merge`. */
  get wantsMerge(): boolean {
    return this.#merging !== undefined || this.#recent.size >= MERGE_AT
  }

  /** Moves some fingerprints to the index. Within a transaction; `merged` is to be called once it is committed. */
  merge(): void {
    const { entries, to } = (this.#merging ??= this.#snapshot())
    for (const [key, { seq }] of entries.slice(0, MERGE_STEP)) {
      this.#sql.index.run(Buffer.from(key, 'latin1'), seq)
    }
    if (entries.length <= MERGE_STEP) this.#sql.indexedTo.run(String(to))
  }

  merged(): void {
    const moved = this.#merging?.entries.splice(0, MERGE_STEP) ?? []
    for (const [key, { seq }] of moved) if (this.#recent.get(key)?.seq === seq) this.#recent.delete(key)
    if (this.#merging?.entries.length === 0) this.#merging = undefined
  }

  #snapshot(): { entries: [string, Recent][]; to: number } {
    const entries = [...this.#recent].toSorted(([one], [other]) => (one < other ? -1 : 1))
    return { entries, to: Math.max(...entries.map(([, { seq }]) => seq)) }
  }
}

/** One character per byte: the cheapest key that a Map can compare. */
function toKey(fingerprint: Uint8Array): string {
  return Buffer.from(fingerprint.buffer, fingerprint.byteOffset, fingerprint.length).toString('latin1')
}

function prepareStatements(db: DatabaseSync) {
  return {
    notIndexed: db.prepare(
      `SELECT seq, received_at, fingerprint FROM event
       WHERE seq > (SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'indexed_to') ORDER BY seq`,
    ),
    find: db.prepare(
      `SELECT e.seq FROM fingerprint f JOIN event e ON e.seq = f.event
       WHERE f.fingerprint = ? AND e.received_at >= ?`,
    ),
    // The same one again, after the window: the newer event counts.
    index: db.prepare(`INSERT OR REPLACE INTO fingerprint VALUES (?, ?)`),
    indexedTo: db.prepare(`UPDATE meta SET value = ? WHERE name = 'indexed_to'`),
  }
}
