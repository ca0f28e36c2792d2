import { createHash } from 'node:crypto'
import { inspect } from 'node:util'

const MASK = '***'

/**
 * A configured value that must never leave the process by accident: printing, logging, interpolating or
 * serialising it yields `***`. Only `reveal()` gives the value, so every use of it can be found by name.
 */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  /** The first 8 hex digits of the value's SHA-256: tells two secrets apart in a log without showing either. */
  fingerprint(): string {
    return createHash('sha256').update(this.#value).digest('hex').slice(0, 8)
  }

  toString(): string {
    return MASK
  }

  toJSON(): string {
    return MASK
  }

  [inspect.custom](): string {
    return MASK
  }
}
