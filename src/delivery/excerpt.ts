import { cleanLine } from '../message/clean.ts'
import { truncate } from '../message/truncate.ts'
import type { Secret } from '../secret.ts'

const LONGEST = 120

/**
 * Makes a reader of answers: as much of a body as helps to see what a target has against a request, on one line.
 * Some targets, and proxies before them, repeat the request's URL or token, so these are masked.
 *
 * @param secrets what the request was sent with
 */
export function createExcerpt(secrets: readonly Secret[]): (body: string) => string {
  const masked = [...new Set(secrets.flatMap((secret) => forms(secret.reveal())))].toSorted(
    (one, other) => other.length - one.length,
  )
  return (body) => {
    const safe = masked.reduce((text, form) => text.replaceAll(form, '***'), body)
    return truncate(cleanLine(safe.slice(0, 8 * LONGEST)), LONGEST)
  }
}

/** Shorter parts of a URL are words, such as `/api`, and not credentials. */
const SHORTEST = 6

/** The value as it may come back: whole, only the part of a URL that is secret, and in the escapes of JSON and HTML. */
function forms(value: string): string[] {
  const parts = [value]
  if (URL.canParse(value)) {
    const { href, pathname, search, searchParams, username, password } = new URL(value)
    // Of Slack's path the last segment is the credential, of other URLs any may be.
    const segments = pathname.split('/').filter((segment) => segment.length >= 16)
    parts.push(
      href,
      pathname + search,
      pathname,
      search,
      username,
      password,
      ...segments,
      ...searchParams.values(),
    )
  }
  return parts
    .flatMap((part) => [
      part,
      part.replaceAll('/', '\\/'),
      part.replaceAll('&', '&amp;'),
      encodeURIComponent(part),
    ])
    .filter((part) => part.length >= SHORTEST)
}
