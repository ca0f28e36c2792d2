import type { DatabaseSync, StatementSync } from 'node:sqlite'

/** What the store on SQLite says to its database. */
export function prepareStatements(db: DatabaseSync) {
  const sql = (text: string): StatementSync => db.prepare(text)
  return {
    initStoreId: sql(`INSERT OR IGNORE INTO meta VALUES ('store_id', ?)`),
    storeId: sql(`SELECT value FROM meta WHERE name = 'store_id'`),
    touch: sql(`INSERT INTO meta VALUES ('checked_at', ?) ON CONFLICT DO UPDATE SET value = excluded.value`),
    releaseLeases: sql(`UPDATE queue SET lease_until = 0 WHERE lease_until > 0`),
    destinations: sql(
      `SELECT id, key, paused_until, (SELECT count(*) FROM queue WHERE destination = id) AS waiting
       FROM destination`,
    ),
    insertDestination: sql(`INSERT INTO destination (key) VALUES (?)`),
    countDuplicate: sql(`UPDATE event SET duplicates = duplicates + 1 WHERE seq = ?`),
    insertEvent: sql(
      `INSERT INTO event (received_at, cluster, type, fingerprint, encoding, payload) VALUES (?, ?, ?, ?, ?, ?)`,
    ),
    enqueue: sql(`INSERT INTO queue (destination, event, expires_at) VALUES (?, ?, ?)`),
    insertSuppressed: sql(`INSERT INTO delivery VALUES (?, ?, 'suppressed', ?, 0, 0, ?, '')`),
    nextDelivery: sql(
      `SELECT q.event, q.due_at, q.lease_until, q.expires_at, q.attempts, q.failures,
         e.received_at, e.cluster, e.encoding, e.payload
       FROM queue q JOIN event e ON e.seq = q.event
       WHERE q.destination = ? AND (q.failures < ? OR q.due_at <= ?)
       ORDER BY q.event LIMIT 1`,
    ),
    nextDue: sql(`SELECT min(due_at) AS due_at FROM queue WHERE destination = ?`),
    lease: sql(
      `UPDATE queue SET lease_until = ?, attempts = attempts + 1 WHERE event = ? AND destination = ?`,
    ),
    putBack: sql(
      `UPDATE queue SET lease_until = 0, due_at = ?, failures = ?, status = ?, reason = ?, answer = ?
       WHERE event = ? AND destination = ?`,
    ),
    finish: sql(
      `INSERT INTO delivery SELECT event, destination, ?, ?, attempts, ?, ?, ? FROM queue
       WHERE event = ? AND destination = ?`,
    ),
    expire: sql(
      `INSERT INTO delivery SELECT event, destination, 'dead', ?, attempts, status,
         'expired' || iif(reason = '', ' before its first attempt', '; the last answer was: ' || reason), answer
       FROM queue WHERE event = ? AND destination = ? AND lease_until = 0`,
    ),
    dequeue: sql(`DELETE FROM queue WHERE event = ? AND destination = ?`),
    pause: sql(`UPDATE destination SET paused_until = ? WHERE id = ?`),
    hasten: sql(`UPDATE queue SET due_at = ? WHERE destination = ? AND due_at > ?`),
    oldestWaiting: sql(
      `SELECT event, expires_at, lease_until FROM queue WHERE destination = ? ORDER BY event LIMIT ?`,
    ),
    oldestReceived: sql(
      `SELECT e.received_at FROM queue q JOIN event e ON e.seq = q.event
       WHERE q.destination = ? ORDER BY q.event LIMIT 1`,
    ),
    pruneCandidates: sql(
      `SELECT seq, received_at, length(payload) AS size,
         EXISTS (SELECT 1 FROM queue WHERE event = seq AND destination IN (SELECT id FROM destination)) AS unsettled
       FROM event WHERE seq > ? ORDER BY seq LIMIT ?`,
    ),
    deleteEvent: sql(`DELETE FROM event WHERE seq = ?`),
    page_count: sql('PRAGMA page_count'),
    freelist_count: sql('PRAGMA freelist_count'),
    page_size: sql('PRAGMA page_size'),
  }
}
