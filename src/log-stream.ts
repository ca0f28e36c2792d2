import type { Redact } from './redact.ts'

/** Where log lines go: standard output, or whatever a test listens with. */
export interface LogStream {
  write(text: string): void
}

/** One listener for all streams: tests make many of them in one process. */
const flushAtExit = new Set<() => void>()
process.once('exit', () => {
  for (const flush of flushAtExit) flush()
})

/**
 * Writes what was logged within one turn of the event loop at once: a system call per line would cost more than
 * all else that is done about an event. Lines keep their order, and a crash of the process still finds them
 * written, as they are flushed when it exits. It is also where the redactor sits: no path to the log can miss it.
 */
export function createLogStream(redact: Redact, output: LogStream = process.stdout): LogStream {
  let waiting = ''
  const flush = (): void => {
    if (waiting === '') return
    const text = redact(waiting)
    waiting = ''
    output.write(text)
  }
  flushAtExit.add(flush)
  return {
    write(line) {
      if (waiting === '') setImmediate(flush)
      waiting += line
    },
  }
}
