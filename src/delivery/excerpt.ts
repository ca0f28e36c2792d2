import { cleanLine } from '../message/clean.ts'
import { truncate } from '../message/truncate.ts'

const LONGEST = 120

/**
 * As much of an answer's body as helps to see what a target has against a request, on one line. The delivery loop
 * has masked our secrets in it before an exporter sees it.
 */
export function excerpt(body: string): string {
  return truncate(cleanLine(body.slice(0, 8 * LONGEST)), LONGEST)
}
