import { vi } from 'vitest'

/**
 * Waits until `check` no longer throws, and gives what it returns: for what happens soon, but nobody says when.
 * The limit is no expectation; it is only there for a check that would never come true, on a machine however busy.
 */
export function eventually<T>(check: () => T | Promise<T>, timeoutMs = 15_000): Promise<T> {
  return vi.waitFor(check, { timeout: timeoutMs, interval: 5 })
}
