import type { DatabaseSync } from 'node:sqlite'
import { StoreError } from './store.ts'

/** Larger groups gain nothing, and would hold the event loop for longer. */
const MAX_GROUP = 256
/** More than this many writes at once means that the disk does not follow: better to say so than to grow. */
const MAX_QUEUE = 10_000

interface Write {
  work(): unknown
  // A method, hence bivariant: the queue holds writes of every result type, each gets its own back.
  resolve(result: unknown): void
  reject(error: Error): void
}

/**
 * Runs writes in shared transactions. A commit that waits for the disk costs as much for a hundred events as for
 * one, so all writes that arrive within one turn of the event loop are committed together, and each caller
 * hears of it only after that commit. When a group fails, its writes are tried again one by one, so that one
 * bad write does not take its neighbours down; `work` must therefore be repeatable and touch only the database.
 */
export class GroupCommit {
  readonly #db: DatabaseSync
  readonly #onCommit: (seconds: number) => void
  #queue: Write[] = []
  #scheduled = false
  #closed = false

  /** @param onCommit hears how long each transaction took, in seconds */
  constructor(db: DatabaseSync, onCommit: (seconds: number) => void) {
    this.#db = db
    this.#onCommit = onCommit
  }

  /**
   * @returns what `work` returned, once it is on disk
   * @throws {StoreError} when it is not
   */
  run<T>(work: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed) return reject(new StoreError('the store is closed'))
      if (this.#queue.length >= MAX_QUEUE) {
        return reject(new StoreError(`the disk is too slow: ${MAX_QUEUE} writes are waiting for it`))
      }
      this.#queue.push({ work, resolve, reject })
      this.#schedule()
    })
  }

  /** Commits what is queued; nothing is taken afterwards. */
  close(): void {
    this.#closed = true
    while (this.#queue.length > 0) this.#flush()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      if (this.#queue.length > 0) this.#flush()
      if (this.#queue.length > 0) this.#schedule()
    })
  }

  #flush(): void {
    const group = this.#queue.length > MAX_GROUP ? this.#queue.splice(0, MAX_GROUP) : this.#queue
    if (group === this.#queue) this.#queue = []
    try {
      const results = this.#commit(group)
      for (const [index, write] of group.entries()) write.resolve(results[index])
    } catch (error) {
      if (group.length === 1) group[0]?.reject(asStoreError(error))
      else for (const write of group) this.#commitAlone(write)
    }
  }

  #commitAlone(write: Write): void {
    try {
      write.resolve(this.#commit([write])[0])
    } catch (error) {
      write.reject(asStoreError(error))
    }
  }

  #commit(group: readonly Write[]): unknown[] {
    const started = performance.now()
    // IMMEDIATE, because a transaction that turns into a writer halfway can fail with "busy" at any statement.
    this.#db.exec('BEGIN IMMEDIATE')
    try {
      const results = group.map((write) => write.work())
      this.#db.exec('COMMIT')
      this.#onCommit((performance.now() - started) / 1000)
      return results
    } catch (error) {
      // SQLite has already rolled back by itself after some errors, a full disk among them.
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      throw error
    }
  }
}

function asStoreError(error: unknown): StoreError {
  const reason = error instanceof Error ? error.message : String(error)
  return new StoreError(`could not write to the store: ${reason}`, { cause: error })
}
