import { hash } from 'node:crypto'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openSqliteStore } from '../../../src/store/sqlite-store.ts'
import { StoreError, type NewEvent, type Store } from '../../../src/store/store.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { storeContract } from './contract.ts'

function openFor(dir: string): Store {
  const store = openSqliteStore(dir)
  onTestFinished(() => store.close())
  return store
}

storeContract('SQLite', () => {
  let dir = tempDir()
  return {
    open: async () => openFor(dir),
    async crash() {
      // The files as they are on disk while the first store is still open: what a killed process leaves.
      const copy = join(tempDir(), 'copy')
      cpSync(dir, copy, { recursive: true })
      dir = copy
      return openFor(dir)
    },
  }
})

const event = (data: Buffer): NewEvent => ({
  receivedAt: 1,
  cluster: 'prod',
  type: 'sync',
  fingerprint: hash('sha256', data, 'buffer').subarray(0, 16),
  duplicatesSince: 0,
  payload: { encoding: 'json', data },
  deliveries: [{ destination: 'webhook', expiresAt: 2 }],
})

describe('the SQLite store and its folder', () => {
  it('refuses a folder that another store uses', () => {
    const dir = tempDir()
    openFor(dir)
    expect(() => openSqliteStore(dir)).toThrow('in use by another fluxcloud')
  })

  it('makes the folder, and says what is wrong when it cannot', () => {
    const dir = tempDir()
    openFor(join(dir, 'new', 'folder'))
    writeFileSync(join(dir, 'file'), '')
    expect(() => openSqliteStore(join(dir, 'file'))).toThrow(/^DATA_DIR .*file cannot hold the store: /)
  })

  it('refuses a file that is not a store', () => {
    const dir = tempDir()
    writeFileSync(join(dir, 'fluxcloud.db'), 'x'.repeat(8192))
    expect(() => openSqliteStore(dir)).toThrow(StoreError)
  })

  it('refuses the store of a newer version instead of damaging it', () => {
    const dir = tempDir()
    mkdirSync(dir, { recursive: true })
    const db = new DatabaseSync(join(dir, 'fluxcloud.db'))
    db.exec('PRAGMA user_version = 99')
    db.close()
    expect(() => openSqliteStore(dir)).toThrow('written by a newer fluxcloud (schema 99')
  })

  it('is durable: write-ahead log, and every commit waits for the disk', async () => {
    const dir = tempDir()
    const store = openFor(dir)
    await store.accept(event(Buffer.from('{"type":"sync","a":1}')))
    const reader = new DatabaseSync(join(dir, 'fluxcloud.db'), { readOnly: true })
    onTestFinished(() => reader.close())
    expect(reader.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' })
    expect(reader.prepare('SELECT count(*) AS events FROM event').get()).toEqual({ events: 1 })
  })

  it('does not let one bad write take down those that share its commit', async () => {
    const store = openFor(tempDir())
    const good = event(Buffer.from('{"type":"sync","good":1}'))
    // A value that SQLite cannot bind stands for whatever may go wrong with a single write.
    const bad = { ...event(Buffer.from('{"type":"sync","bad":1}')), cluster: {} as string }
    const results = await Promise.allSettled([store.accept(good), store.accept(bad), store.accept(good)])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(store.backlog()).toMatchObject([{ waiting: 1 }])
  })

  it('gives space back after events have gone', async () => {
    const dir = tempDir()
    const store = openFor(dir)
    for (let i = 0; i < 80; i++) await store.accept(event(Buffer.alloc(100_000, `${i} `)))
    for (;;) {
      const claim = await store.claim('webhook', 5, 5)
      if (claim.kind !== 'delivery') break
      await store.settle(claim.delivery, {
        state: 'delivered',
        at: 5,
        answer: { status: 200, reason: '', body: '' },
      })
    }
    const reader = new DatabaseSync(join(dir, 'fluxcloud.db'), { readOnly: true })
    onTestFinished(() => reader.close())
    const pages = (): number => Number(reader.prepare('PRAGMA page_count').get()?.['page_count'])
    const before = pages()
    for (let i = 0; i < 50; i++) await store.prune(1000, { maxAgeMs: 1, maxBytes: 1e9 })
    expect(pages()).toBeLessThan(before / 1.5)
  })
})
