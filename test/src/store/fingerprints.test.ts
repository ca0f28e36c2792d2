import { randomBytes } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { Fingerprints } from '../../../src/store/fingerprints.ts'
import { migrate } from '../../../src/store/sqlite-schema.ts'

function subject() {
  const db = new DatabaseSync(':memory:')
  migrate(db)
  const insert = db.prepare(
    `INSERT INTO event (received_at, cluster, type, fingerprint, encoding, payload) VALUES (1, '', '', ?, 'json', x'')`,
  )
  const indexed = db.prepare('SELECT count(*) AS count FROM fingerprint')
  return {
    db,
    insert: (fingerprint: Uint8Array) => Number(insert.run(fingerprint).lastInsertRowid),
    indexed: () => Number(indexed.get()?.['count']),
  }
}

describe('fingerprints', () => {
  it('move to the index in small steps, and are found at every one of them', () => {
    const { db, insert, indexed } = subject()
    const fingerprints = new Fingerprints(db)
    const known = Array.from({ length: 5000 }, () => randomBytes(16))
    const seqs = known.map((fingerprint) => {
      const seq = insert(fingerprint)
      fingerprints.add(fingerprint, seq, 1)
      return seq
    })
    fingerprints.committed()
    let steps = 0
    while (fingerprints.wantsMerge) {
      fingerprints.merge()
      fingerprints.merged()
      steps++
      // What a start in the middle of it would find.
      for (const at of [fingerprints, new Fingerprints(db)]) {
        for (const index of [0, 2500, 4999]) expect(at.find(known[index]!, 0)).toBe(seqs[index])
      }
    }
    expect(steps).toBeGreaterThan(5)
    expect(indexed()).toBe(5000)
  })

  it('forget what was rolled back', () => {
    const { db } = subject()
    const fingerprints = new Fingerprints(db)
    const fingerprint = randomBytes(16)
    fingerprints.add(fingerprint, 1, 1)
    expect(fingerprints.find(fingerprint, 0)).toBe(1)
    fingerprints.rolledBack()
    expect(fingerprints.find(fingerprint, 0)).toBeUndefined()
  })

  it('leave the index together with their event', () => {
    const { db, insert, indexed } = subject()
    const seq = insert(randomBytes(16))
    db.exec(`INSERT INTO fingerprint SELECT fingerprint, seq FROM event`)
    db.exec(`DELETE FROM event WHERE seq = ${seq}`)
    expect(indexed()).toBe(0)
  })
})
