import type { DatabaseSync } from 'node:sqlite'
import { StoreError } from './store.ts'

/**
 * The tables, one migration after the other; a store remembers in `user_version` how many it has. Migrations
 * that have been released are never changed, only followed by others.
 *
 * A delivery waits in `queue` until it is delivered or dead, and moves to `delivery` then; while an attempt is
 * under way it waits with a lease. `failures` counts what leads to giving up, `attempts` every request.
 */
const MIGRATIONS = [
  `
  CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE destination (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    paused_until INTEGER NOT NULL DEFAULT 0
  ) STRICT;

  CREATE TABLE event (
    -- AUTOINCREMENT, because ids must not come back after old events have been deleted.
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at INTEGER NOT NULL,
    cluster TEXT NOT NULL,
    type TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    duplicates INTEGER NOT NULL DEFAULT 0,
    encoding TEXT NOT NULL CHECK (encoding IN ('json', 'gzip')),
    payload BLOB NOT NULL
  ) STRICT;

  -- What waits, in the order in which each destination gets it: so short that accepting an event adds to the
  -- end of one page per destination.
  CREATE TABLE queue (
    destination INTEGER NOT NULL REFERENCES destination,
    event INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    -- 0 for at once.
    due_at INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    status INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',
    answer TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (destination, event)
  ) STRICT, WITHOUT ROWID;

  -- How each ended.
  CREATE TABLE delivery (
    event INTEGER NOT NULL REFERENCES event ON DELETE CASCADE,
    destination INTEGER NOT NULL REFERENCES destination,
    state TEXT NOT NULL CHECK (state IN ('delivered', 'dead', 'suppressed')),
    settled_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    status INTEGER NOT NULL,
    reason TEXT NOT NULL,
    answer TEXT NOT NULL,
    PRIMARY KEY (event, destination)
  ) STRICT, WITHOUT ROWID;
  `,
]

/**
 * Brings the store to the newest schema, in one transaction.
 *
 * @throws {StoreError} when a newer fluxcloud wrote it
 */
export function migrate(db: DatabaseSync): void {
  const version = Number(db.prepare('PRAGMA user_version').get()?.['user_version'])
  if (version > MIGRATIONS.length) {
    throw new StoreError(
      `the store was written by a newer fluxcloud (schema ${version}, this one knows ${MIGRATIONS.length}): ` +
        'use that version, or another DATA_DIR',
    )
  }
  if (version === MIGRATIONS.length) return
  db.exec(
    `BEGIN IMMEDIATE; ${MIGRATIONS.slice(version).join('')} PRAGMA user_version = ${MIGRATIONS.length}; COMMIT`,
  )
}
