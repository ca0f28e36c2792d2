import { createLogStream, type LogStream } from './log-stream.ts'
import type { Redact } from './redact.ts'

/** Options for Fastify's logger (pino): one JSON object per line, without any of our secrets. */
export function loggerOptions(level: string, redact: Redact, output: LogStream | undefined) {
  return {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    stream: createLogStream(redact, output),
  }
}
