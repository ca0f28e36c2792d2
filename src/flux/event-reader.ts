import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { gunzip } from 'node:zlib'
import type { Cancel, Clock } from '../clock.ts'
import { decodeEvent, InvalidEventError } from './decode.ts'
import type { FluxEvent } from './event.ts'
import type { DecodeAnswer, DecodedInThread, DecodeTask } from './event-worker.ts'

/**
 * From here on decoding would hold the event loop for more than a few milliseconds (a 16 MiB event takes
 * over 100), so it moves to a thread, and the payload comes back compressed.
 */
const LARGE_BYTES = 256 * 1024

/** An idle thread costs memory that the service does without: large events are rare. */
const THREAD_IDLE_MS = 30_000

const inflate = promisify(gunzip)

/** A payload as the store keeps it. */
export interface StoredPayload {
  readonly encoding: 'json' | 'gzip'
  readonly data: Uint8Array
}

export interface ReadEvent {
  readonly event: FluxEvent
  readonly stored: StoredPayload
}

/** Turns payloads into events without ever holding the event loop, whatever their size. */
export class EventReader {
  readonly #clock: Clock
  readonly #pending = new Map<
    number,
    { resolve(decoded: DecodedInThread): void; reject(error: Error): void }
  >()
  #worker: Worker | undefined
  #cancelIdle: Cancel | undefined
  #lastTask = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Decodes an event as it arrived.
   *
   * @throws {InvalidEventError} when it is none
   */
  async read(payload: Buffer): Promise<ReadEvent> {
    if (payload.length < LARGE_BYTES) {
      return { event: decodeEvent(payload.toString()), stored: { encoding: 'json', data: payload } }
    }
    const { event, compressed } = await this.#decodeInThread(payload, true)
    return { event, stored: { encoding: 'gzip', data: compressed } }
  }

  /** Decodes an event from the store, and gives its payload as it once arrived. */
  async restore({ encoding, data }: StoredPayload): Promise<{ event: FluxEvent; payload: Buffer }> {
    const payload =
      encoding === 'gzip' ? await inflate(data) : Buffer.from(data.buffer, data.byteOffset, data.length)
    const isLarge = payload.length >= LARGE_BYTES
    const event = isLarge
      ? (await this.#decodeInThread(payload, false)).event
      : decodeEvent(payload.toString())
    return { event, payload }
  }

  async close(): Promise<void> {
    this.#cancelIdle?.()
    await this.#worker?.terminate()
  }

  #decodeInThread(payload: Buffer, compress: boolean): Promise<DecodedInThread> {
    this.#cancelIdle?.()
    this.#worker ??= this.#startWorker()
    const task: DecodeTask = { id: ++this.#lastTask, payload, compress }
    this.#worker.postMessage(task)
    return new Promise((resolve, reject) => this.#pending.set(task.id, { resolve, reject }))
  }

  #startWorker(): Worker {
    const worker = new Worker(new URL('./event-worker.ts', import.meta.url))
    worker.unref()
    worker.on('message', (answer: DecodeAnswer) => {
      const task = this.#pending.get(answer.id)
      this.#pending.delete(answer.id)
      if ('invalid' in answer) task?.reject(new InvalidEventError(answer.invalid))
      else task?.resolve(answer)
      if (this.#pending.size === 0) this.#cancelIdle = this.#clock.after(THREAD_IDLE_MS, () => this.#retire())
    })
    // Out of memory, most likely: those events are refused, and the next one gets a fresh thread.
    worker.on('error', (error: Error) => {
      this.#worker = undefined
      for (const task of this.#pending.values()) task.reject(error)
      this.#pending.clear()
    })
    return worker
  }

  #retire(): void {
    const worker = this.#worker
    this.#worker = undefined
    void worker?.terminate()
  }
}
