import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { StoredPayload } from '../flux/event-reader.ts'
import { Fingerprints } from './fingerprints.ts'
import { GroupCommit } from './group-commit.ts'
import { migrate } from './sqlite-schema.ts'
import { prepareStatements } from './sqlite-statements.ts'
import {
  STEP_ASIDE_AFTER,
  StoreError,
  type Acceptance,
  type Backlog,
  type Claim,
  type Delivery,
  type ExpiredDelivery,
  type NewEvent,
  type Retention,
  type Settlement,
  type Store,
} from './store.ts'

/** How much one call of `expire` or `prune` touches at most: a few milliseconds' worth. */
const BATCH_ROWS = 200
const BATCH_BYTES = 1024 * 1024
/** What an event costs beside its payload: its deliveries, index entries and row overhead. */
const ROW_BYTES = 400
/** Free pages are given back to the file system in steps, once more of them have gathered than this. */
const FREE_PAGES = 512
const VACUUM_PAGES = 128
const DAY_MS = 24 * 60 * 60 * 1000

interface DestinationState {
  readonly id: number
  readonly key: string
  waiting: number
  pausedUntil: number
}

export interface SqliteStoreOptions {
  /** Hears how long each transaction took, in seconds. */
  readonly onCommit?: (seconds: number) => void
  /** How far back events will be recognised as duplicates. */
  readonly duplicateWindowMs?: number
}

/**
 * The store on SQLite, in one file of `dataDir`, for one process. Every write is on disk (WAL with
 * synchronous=FULL) before its promise resolves.
 *
 * @throws {StoreError} when the folder cannot be used: not writable, in use, damaged, or from a newer version
 */
export function openSqliteStore(dataDir: string, options: SqliteStoreOptions = {}): Store {
  try {
    makeFolder(dataDir)
    const lock = lockFolder(dataDir)
    const db = new DatabaseSync(join(dataDir, 'fluxcloud.db'), { timeout: 5000 })
    // Before the first table exists; afterwards it would need a full VACUUM. A commit of many events writes half
    // as many pages of twice the usual size, which is a tenth less work.
    db.exec('PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL')
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
    db.exec('PRAGMA journal_size_limit = 67108864')
    migrate(db)
    return new SqliteStore(db, lock, options)
  } catch (error) {
    if (error instanceof StoreError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new StoreError(`DATA_DIR ${dataDir} cannot hold the store: ${reason}`, { cause: error })
  }
}

function makeFolder(dir: string): void {
  if (existsSync(dir)) return
  // A recursive mkdir never returns from a file system that says "no such file" to all, such as /proc.
  mkdirSync(dir, { recursive: !existsSync(dirname(resolve(dir))) })
}

/**
 * Two processes on one store would deliver everything twice, so the second must fail. The lock is a transaction
 * on a file of its own: the system releases it when the process dies in whatever way, and the store itself
 * stays readable for `sqlite3`.
 */
function lockFolder(dataDir: string): DatabaseSync {
  const lock = new DatabaseSync(join(dataDir, 'fluxcloud.lock'), { timeout: 1000 })
  try {
    lock.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    lock.close()
    const busy = 5
    if ((error as { errcode?: number }).errcode !== busy) throw error
    throw new StoreError(`DATA_DIR ${dataDir} is in use by another fluxcloud: give each its own folder`)
  }
  return lock
}

class SqliteStore implements Store {
  readonly #db: DatabaseSync
  readonly #lock: DatabaseSync
  readonly #group: GroupCommit
  readonly #fingerprints: Fingerprints
  readonly #sql: ReturnType<typeof prepareStatements>
  readonly #storeId: string
  readonly #destinations = new Map<string, DestinationState>()
  /** Everything up to this event has been looked at in the current round of pruning. */
  #prunedTo = 0

  constructor(
    db: DatabaseSync,
    lock: DatabaseSync,
    { onCommit = () => {}, duplicateWindowMs = DAY_MS }: SqliteStoreOptions,
  ) {
    this.#db = db
    this.#lock = lock
    this.#fingerprints = new Fingerprints(db, duplicateWindowMs)
    this.#group = new GroupCommit(db, onCommit)
    this.#sql = prepareStatements(db)
    this.#storeId = this.#readStoreId()
    // The lock says that no other process lives, so whatever is still leased was left behind by a crash.
    this.#sql.releaseLeases.run()
    for (const row of this.#sql.destinations.all()) {
      const state = {
        id: Number(row['id']),
        key: String(row['key']),
        waiting: Number(row['waiting']),
        pausedUntil: Number(row['paused_until']),
      }
      this.#destinations.set(state.key, state)
    }
  }

  async accept(event: NewEvent): Promise<Acceptance> {
    const destinations = event.deliveries.map(({ destination }) => this.#destination(destination))
    const acceptance = await this.#group.run(() => this.#insert(event, destinations))
    if (acceptance.kind === 'duplicate') return acceptance
    for (const [index, { suppressed }] of event.deliveries.entries()) {
      const state = destinations[index]
      if (state !== undefined && suppressed === undefined) state.waiting++
    }
    return acceptance
  }

  #insert(event: NewEvent, destinations: readonly DestinationState[]): Acceptance {
    const known = this.#fingerprints.find(event.fingerprint, event.duplicatesSince)
    if (known !== undefined) {
      this.#sql.countDuplicate.run(known)
      return { kind: 'duplicate', eventId: this.#eventId(known) }
    }
    const { lastInsertRowid } = this.#sql.insertEvent.run(
      event.receivedAt,
      event.cluster,
      event.type,
      event.fingerprint,
      event.payload.encoding,
      event.payload.data,
    )
    const seq = Number(lastInsertRowid)
    this.#fingerprints.add(event.fingerprint, seq, event.receivedAt)
    for (const [index, { suppressed, expiresAt }] of event.deliveries.entries()) {
      const id = Number(destinations[index]?.id)
      if (suppressed === undefined) this.#sql.enqueue.run(id, seq, expiresAt)
      else this.#sql.insertSuppressed.run(seq, id, event.receivedAt, suppressed)
    }
    return { kind: 'accepted', eventId: this.#eventId(seq) }
  }

  async claim(destination: string, now: number, leaseMs: number): Promise<Claim> {
    const state = this.#destinations.get(destination)
    if (state === undefined || state.waiting === 0) return { kind: 'idle', until: undefined }
    const row = this.#sql.nextDelivery.get(state.id, STEP_ASIDE_AFTER, now)
    if (row === undefined) {
      const due = this.#sql.nextDue.get(state.id)?.['due_at']
      return { kind: 'idle', until: due === null ? undefined : Number(due) }
    }
    const until = Math.max(Number(row['due_at']), Number(row['lease_until']))
    if (until > now) return { kind: 'blocked', until }
    const seq = Number(row['event'])
    const { changes } = await this.#group.run(() => this.#sql.lease.run(now + leaseMs, seq, state.id))
    // It expired while the lease was on its way to the disk.
    if (changes === 0) return { kind: 'idle', until: now }
    return { kind: 'delivery', delivery: this.#toDelivery(row, state) }
  }

  async settle(delivery: Delivery, settlement: Settlement): Promise<void> {
    const state = this.#destination(delivery.destination)
    const { answer } = settlement
    if (settlement.state === 'waiting') {
      const { dueAt, failures, pauseUntil } = settlement
      await this.#group.run(() => {
        this.#sql.putBack.run(
          dueAt,
          failures,
          answer.status,
          answer.reason,
          answer.body,
          delivery.seq,
          state.id,
        )
        if (pauseUntil !== undefined) this.#sql.pause.run(pauseUntil, state.id)
      })
      if (pauseUntil !== undefined) state.pausedUntil = pauseUntil
      return
    }
    const { seq } = delivery
    await this.#group.run(() => {
      this.#sql.finish.run(
        settlement.state,
        settlement.at,
        answer.status,
        answer.reason,
        answer.body,
        seq,
        state.id,
      )
      this.#sql.dequeue.run(seq, state.id)
    })
    state.waiting--
  }

  async hasten(destination: string, now: number): Promise<void> {
    const state = this.#destination(destination)
    await this.#group.run(() => this.#sql.hasten.run(now, state.id, now))
  }

  pausedUntil(destination: string): number {
    return this.#destinations.get(destination)?.pausedUntil ?? 0
  }

  async expire(now: number): Promise<readonly ExpiredDelivery[]> {
    const expired: ExpiredDelivery[] = []
    for (const state of this.#destinations.values()) {
      if (state.waiting === 0) continue
      const seqs = this.#sql.oldestWaiting
        .all(state.id, BATCH_ROWS)
        .filter((row) => Number(row['expires_at']) <= now && Number(row['lease_until']) === 0)
        .map((row) => Number(row['event']))
      if (seqs.length === 0) continue
      const ended = await this.#group.run(() =>
        seqs.filter((seq) => {
          // None when an attempt has begun since.
          const { changes } = this.#sql.expire.run(now, seq, state.id)
          if (changes === 1) this.#sql.dequeue.run(seq, state.id)
          return changes === 1
        }),
      )
      state.waiting -= ended.length
      for (const seq of ended) {
        expired.push({
          eventId: this.#eventId(seq),
          id: this.#deliveryId(seq, state),
          destination: state.key,
        })
      }
    }
    return expired
  }

  backlog(): readonly Backlog[] {
    return [...this.#destinations.values()].map(({ id, key, waiting }) => {
      const oldest = waiting === 0 ? undefined : this.#sql.oldestReceived.get(id)?.['received_at']
      return {
        destination: key,
        waiting,
        oldestReceivedAt: oldest === undefined || oldest === null ? undefined : Number(oldest),
      }
    })
  }

  async prune(now: number, retention: Retention): Promise<boolean> {
    const cutoff = now - retention.maxAgeMs
    let excess = this.#usedBytes() - retention.maxBytes
    const rows = this.#sql.pruneCandidates.all(this.#prunedTo, BATCH_ROWS)
    const victims: number[] = []
    let freed = 0
    let finished = rows.length < BATCH_ROWS
    for (const row of rows) {
      if (freed >= BATCH_BYTES) {
        finished = false
        break
      }
      if (Number(row['received_at']) >= cutoff && excess <= 0) {
        finished = true
        break
      }
      this.#prunedTo = Number(row['seq'])
      if (row['unsettled'] === 1) continue
      const size = Number(row['size']) + ROW_BYTES
      victims.push(this.#prunedTo)
      freed += size
      excess -= size
    }
    if (finished) this.#prunedTo = 0
    const shrink = this.#pragma('freelist_count') > FREE_PAGES
    if (victims.length > 0 || shrink) {
      await this.#group.run(() => {
        for (const seq of victims) this.#sql.deleteEvent.run(seq)
        if (shrink) this.#db.exec(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`)
      })
    }
    return !finished
  }

  async check(): Promise<void> {
    await this.#group.run(() => this.#sql.touch.run(String(Date.now())))
  }

  async close(): Promise<void> {
    if (!this.#db.isOpen) return
    this.#group.close()
    this.#db.close()
    this.#lock.close()
  }

  #readStoreId(): string {
    // Ids of different stores must never be equal, or receivers would take one's delivery for the other's.
    this.#sql.initStoreId.run(randomBytes(5).toString('hex'))
    return String(this.#sql.storeId.get()?.['value'])
  }

  #eventId(seq: number): string {
    return `${this.#storeId}-${seq}`
  }

  #deliveryId(seq: number, { id }: DestinationState): string {
    return `${this.#storeId}-${seq}-${id}`
  }

  #destination(key: string): DestinationState {
    const known = this.#destinations.get(key)
    if (known !== undefined) return known
    try {
      // Outside of the group: once per destination, and the id must not vanish with somebody's rollback.
      const { lastInsertRowid } = this.#sql.insertDestination.run(key)
      const state = { id: Number(lastInsertRowid), key, waiting: 0, pausedUntil: 0 }
      this.#destinations.set(key, state)
      return state
    } catch (error) {
      throw new StoreError(`could not write to the store: ${(error as Error).message}`, { cause: error })
    }
  }

  #toDelivery(row: Record<string, unknown>, state: DestinationState): Delivery {
    const seq = Number(row['event'])
    return {
      eventId: this.#eventId(seq),
      id: this.#deliveryId(seq, state),
      seq,
      destination: state.key,
      cluster: String(row['cluster']),
      receivedAt: Number(row['received_at']),
      expiresAt: Number(row['expires_at']),
      attempt: Number(row['attempts']) + 1,
      failures: Number(row['failures']),
      // The columns are constrained to exactly these types by the schema.
      payload: { encoding: row['encoding'], data: row['payload'] } as StoredPayload,
    }
  }

  #usedBytes(): number {
    return (this.#pragma('page_count') - this.#pragma('freelist_count')) * this.#pragma('page_size')
  }

  #pragma(name: 'page_count' | 'freelist_count' | 'page_size'): number {
    return Number(this.#sql[name].get()?.[name])
  }
}
