import { randomBytes } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { Fingerprints } from '../../../src/store/fingerprints.ts'
import { migrate } from '../../../src/store/sqlite-schema.ts'

const WINDOW = 1000

function subject() {
  const db = new DatabaseSync(':memory:')
  migrate(db)
  const insert = db.prepare(
    `INSERT INTO event (received_at, cluster, type, fingerprint, encoding, payload) VALUES (?, '', '', ?, 'json', x'')`,
  )
  const fingerprints = new Fingerprints(db, WINDOW)
  return {
    db,
    fingerprints,
    /** Stores an event and makes its fingerprint known. */
    store(fingerprint: Uint8Array, receivedAt = 1): number {
      const seq = Number(insert.run(receivedAt, fingerprint).lastInsertRowid)
      fingerprints.add(fingerprint, seq, receivedAt)
      return seq
    },
  }
}

describe('fingerprints', () => {
  it('are found among thousands of others, now and after a start', () => {
    const { db, fingerprints, store } = subject()
    const known = Array.from({ length: 20_000 }, () => randomBytes(16))
    const seqs = known.map((fingerprint) => store(fingerprint))
    for (const at of [fingerprints, new Fingerprints(db, WINDOW)]) {
      expect(known.map((fingerprint) => at.find(fingerprint, 0))).toEqual(seqs)
      expect(at.find(randomBytes(16), 0)).toBeUndefined()
    }
  })

  it('are told apart however much of them is equal', () => {
    const { fingerprints, store } = subject()
    const one = Buffer.alloc(16, 1)
    const other = Buffer.concat([one.subarray(0, 15), Buffer.from([2])])
    const seq = store(one)
    expect(fingerprints.find(other, 0)).toBeUndefined()
    expect([store(other), fingerprints.find(other, 0), fingerprints.find(one, 0)]).toEqual([
      seq + 1,
      seq + 1,
      seq,
    ])
  })

  it('count from the newest event that has them, and only within the window', () => {
    const { db, fingerprints, store } = subject()
    const again = randomBytes(16)
    const old = randomBytes(16)
    store(old, 1)
    store(again, 1)
    const newer = store(again, 2 + WINDOW)
    for (const at of [fingerprints, new Fingerprints(db, WINDOW)]) {
      expect(at.find(again, 2)).toBe(newer)
      expect(at.find(old, 2)).toBeUndefined()
    }
  })

  it('are not found when their event was rolled back or deleted, even if another has its number', () => {
    const { db, fingerprints, store } = subject()
    const gone = randomBytes(16)
    db.exec('BEGIN')
    const seq = store(gone)
    db.exec('ROLLBACK')
    expect(fingerprints.find(gone, 0)).toBeUndefined()
    expect(store(randomBytes(16))).toBe(seq)
    expect(fingerprints.find(gone, 0)).toBeUndefined()
  })

  it('make room for new ones when they have left the window', () => {
    const { fingerprints, store } = subject()
    const kept: Uint8Array[] = []
    for (let at = 1; at <= 40_000; at++) {
      const fingerprint = randomBytes(16)
      fingerprints.find(fingerprint, at - WINDOW)
      store(fingerprint, at)
      if (at > 40_000 - WINDOW) kept.push(fingerprint)
    }
    expect(kept.every((fingerprint) => fingerprints.find(fingerprint, 1) !== undefined)).toBe(true)
    expect(fingerprints.slots).toBeLessThan(40_000)
  })
})
