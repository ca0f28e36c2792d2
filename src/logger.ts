import type { Redact } from './redact.ts'

/** Where log lines go instead of standard output. */
export interface LogStream {
  write(line: string): void
}

/**
 * Options for Fastify's logger (pino): one JSON object per line, redacted as text just before it is written, so
 * that no path to the log can miss the redactor.
 */
export function loggerOptions(level: string, redact: Redact, stream: LogStream | undefined) {
  return {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    hooks: { streamWrite: redact },
    ...(stream && { stream }),
  }
}
