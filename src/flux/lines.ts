import { RpcError } from './rpc-errors.ts'

const NEWLINE = 0x0a
const NOTHING = Buffer.alloc(0)

/**
 * Cuts a byte stream into lines. A line that lies within one chunk is read in place. The bytes of an unfinished
 * one are copied once into a buffer that doubles, so a peer that dribbles single bytes costs neither quadratic
 * time nor an object for each byte.
 */
export class Lines {
  readonly #maxBytes: number
  #buffer = NOTHING
  #length = 0

  /** @param maxBytes the longest line that is taken */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /**
   * The lines that `chunk` completes, without their newline. Read them to the end before pushing more, unless
   * the stream is given up.
   *
   * @throws RpcError FLUX_RPC_PROTOCOL when a line, finished or not, is too long
   */
  *push(chunk: Buffer): Generator<string> {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      yield this.#finish(chunk.subarray(start, end))
      start = end + 1
    }
    this.#keep(chunk.subarray(start))
  }

  #finish(tail: Buffer): string {
    if (this.#length === 0) {
      this.#check(tail.length)
      return tail.toString('utf8')
    }
    this.#keep(tail)
    const line = this.#buffer.toString('utf8', 0, this.#length)
    this.#buffer = NOTHING
    this.#length = 0
    return line
  }

  #keep(bytes: Buffer): void {
    const length = this.#length + bytes.length
    this.#check(length)
    if (length > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(length, 2 * this.#buffer.length))
      this.#buffer.copy(grown, 0, 0, this.#length)
      this.#buffer = grown
    }
    bytes.copy(this.#buffer, this.#length)
    this.#length = length
  }

  #check(length: number): void {
    if (length <= this.#maxBytes) return
    this.#buffer = NOTHING
    throw new RpcError('FLUX_RPC_PROTOCOL', `a line is longer than ${this.#maxBytes} bytes`)
  }
}
