import type { DatabaseSync } from 'node:sqlite'

const SHARDS = 256
/** Slots of a new shard; always a power of two. */
const FIRST_SLOTS = 64

/** Open addressing; a slot is empty while its `seqs` is 0. */
interface Shard {
  hashes: Uint32Array
  seqs: Float64Array
  receivedAt: Float64Array
  used: number
}

/**
 * Which events are known, by fingerprint. An index on disk would cost as much as storing the event: fingerprints
 * are random, so that each rewrites a page of its own. Instead some bits of each are kept in memory with the
 * event that they stand for, 20 bytes a slot and nothing for the garbage collector to walk, read from the events
 * at start. They only suggest an event: the event itself decides, so what was rolled back or deleted need not be
 * forgotten here. Events that have left the window go when a shard would have to grow; there are many shards, so
 * that none takes long to.
 */
export class Fingerprints {
  readonly #sql: ReturnType<typeof prepareStatements>
  readonly #shards = Array.from({ length: SHARDS }, () => emptyShard(FIRST_SLOTS))
  /** The start of the window as last asked for. */
  #since = 0

  /** @param windowMs how far back from the newest event fingerprints will be asked for */
  constructor(db: DatabaseSync, windowMs: number) {
    this.#sql = prepareStatements(db)
    for (const row of this.#sql.newestFirst.iterate()) {
      const { seq, received_at: receivedAt, fingerprint } = row
      if (this.#since === 0) this.#since = Number(receivedAt) - windowMs
      if (Number(receivedAt) < this.#since) break
      this.add(fingerprint as Uint8Array, Number(seq), Number(receivedAt))
    }
  }

  /** The event with this fingerprint that was received at `since` or later. */
  find(fingerprint: Uint8Array, since: number): number | undefined {
    this.#since = since
    const { hashes, seqs, receivedAt } = this.#shardOf(fingerprint)
    const hash = hashOf(fingerprint)
    const mask = seqs.length - 1
    for (let slot = hash & mask; seqs[slot] !== 0; slot = (slot + 1) & mask) {
      if (hashes[slot] !== hash || Number(receivedAt[slot]) < since) continue
      const seq = this.#sql.confirm.get(Number(seqs[slot]), fingerprint)?.['seq']
      if (seq !== undefined) return Number(seq)
    }
    return undefined
  }

  /** Remembers a new event. */
  add(fingerprint: Uint8Array, seq: number, receivedAt: number): void {
    const shard = this.#shardOf(fingerprint)
    if (2 * shard.used >= shard.seqs.length) grow(shard, this.#since)
    insert(shard, hashOf(fingerprint), seq, receivedAt)
  }

  /** How many fit in before something grows. */
  get slots(): number {
    return this.#shards.reduce((sum, { seqs }) => sum + seqs.length, 0)
  }

  #shardOf(fingerprint: Uint8Array): Shard {
    // There is one for every value of a byte.
    return this.#shards[Number(fingerprint[0])] as Shard
  }
}

/** A fingerprint is a digest, so four of its bytes are as good as another hash; its first byte chooses the shard. */
function hashOf(bytes: Uint8Array): number {
  return (
    (Number(bytes[1]) | (Number(bytes[2]) << 8) | (Number(bytes[3]) << 16) | (Number(bytes[4]) << 24)) >>> 0
  )
}

function emptyShard(slots: number): Shard {
  return {
    hashes: new Uint32Array(slots),
    seqs: new Float64Array(slots),
    receivedAt: new Float64Array(slots),
    used: 0,
  }
}

function insert(shard: Shard, hash: number, seq: number, receivedAt: number): void {
  const mask = shard.seqs.length - 1
  let slot = hash & mask
  while (shard.seqs[slot] !== 0) slot = (slot + 1) & mask
  shard.hashes[slot] = hash
  shard.seqs[slot] = seq
  shard.receivedAt[slot] = receivedAt
  shard.used++
}

/** Leaves out what is older than `since`, and makes the shard as large as the rest asks for. */
function grow(shard: Shard, since: number): void {
  const { hashes, seqs, receivedAt } = shard
  const isKept = (at: number, slot: number): boolean => seqs[slot] !== 0 && at >= since
  let slots = FIRST_SLOTS
  const kept = receivedAt.filter(isKept).length
  while (slots < 4 * kept) slots *= 2
  Object.assign(shard, emptyShard(slots))
  receivedAt.forEach((at, slot) => {
    if (isKept(at, slot)) insert(shard, Number(hashes[slot]), Number(seqs[slot]), at)
  })
}

function prepareStatements(db: DatabaseSync) {
  return {
    newestFirst: db.prepare('SELECT seq, received_at, fingerprint FROM event ORDER BY seq DESC'),
    confirm: db.prepare('SELECT seq FROM event WHERE seq = ? AND fingerprint = ?'),
  }
}
