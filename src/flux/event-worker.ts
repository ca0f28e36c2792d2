import { parentPort } from 'node:worker_threads'
import { gzipSync } from 'node:zlib'
import { decodeEvent, InvalidEventError } from './decode.ts'
import type { FluxEvent } from './event.ts'

/** The thread that decodes large events for the event reader; see event-reader.ts. */

export interface DecodeTask {
  readonly id: number
  readonly payload: Uint8Array
  /** Whether the answer shall hold the payload, compressed; otherwise `compressed` is empty. */
  readonly compress: boolean
}

export interface DecodedInThread {
  readonly event: FluxEvent
  readonly compressed: Uint8Array
}

export type DecodeAnswer =
  | ({ readonly id: number } & DecodedInThread)
  | { readonly id: number; readonly invalid: string }

parentPort?.on('message', ({ id, payload, compress }: DecodeTask) => {
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString()
  let answer: DecodeAnswer
  try {
    answer = {
      id,
      event: decodeEvent(text),
      compressed: compress ? gzipSync(payload, { level: 1 }) : new Uint8Array(),
    }
  } catch (error) {
    if (!(error instanceof InvalidEventError)) throw error
    answer = { id, invalid: error.message }
  }
  parentPort?.postMessage(answer)
})
