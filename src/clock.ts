/** Undoes an `after`; calling it twice, or after the timer fired, does nothing. */
export type Cancel = () => void

/** The one source of time. Everything that waits or stamps takes it as an argument, so tests can hold it still. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number
  /** Calls `run` once, `ms` milliseconds from now. A pending timer does not keep the process alive. */
  after(ms: number, run: () => void): Cancel
}

// setTimeout fires at once for anything longer than a signed 32-bit number of milliseconds.
const LONGEST_TIMER_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, Math.min(Math.max(ms, 0), LONGEST_TIMER_MS))
    timer.unref()
    return () => clearTimeout(timer)
  },
}
