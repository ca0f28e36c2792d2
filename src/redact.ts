import type { Secret } from './secret.ts'

const MASK = '***'

/**
 * What credentials of common services look like, for those that come from elsewhere than our settings (an answer
 * that echoes a header, an event that quotes a URL). Repetitions in front of an anchor are bounded: without a
 * bound a set like this is quadratic in the text's length.
 */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/(https:\/\/hooks\.slack(?:-gov)?\.com\/(?:services|workflows|triggers)\/)[\w/-]+/gi, `$1${MASK}`],
  [
    /(https:\/\/(?:ptb\.|canary\.)?discord(?:app)?\.com\/api\/(?:v\d+\/)?webhooks\/\d+\/)[\w-]+/gi,
    `$1${MASK}`,
  ],
  [
    /(https:\/\/[a-z0-9.-]{1,255}\.(?:logic\.azure\.com|api\.powerplatform\.com|webhook\.office\.com)(?::\d+)?\/)[^\s"'<>]*/gi,
    `$1${MASK}`,
  ],
  [/(https?:\/\/[^\s/"'<>]{1,255}(?:\/[^\s"'<>?#]{0,200}?)?\/hooks\/)[\w/%-]+/gi, `$1${MASK}`],
  [
    /([?&;](?:access_token|token|key|api[_-]?key|sig|sign|signature|secret|password|auth)=)[^&\s"'<>#]+/gi,
    `$1${MASK}`,
  ],
  [/(\b[a-z][a-z0-9+.-]{1,20}:\/\/)[^/\s:@"'<>]{0,256}(?::[^/\s@"'<>]{0,256})?@/gi, `$1${MASK}@`],
  [/\b(Bearer|Basic|Scope-Probe|GenieKey|Token)\s+[\w.~+/:=-]{8,}/gi, `$1 ${MASK}`],
  [
    /\bxox[a-z](?:\.xox[a-z])?-[\w-]{8,}|\bxapp-[\w-]{8,}|\bwhs(?:ec|k)_[\w+/=]{16,}|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bgl(?:pat|dt|rt|cbt)-[\w.-]{16,}/g,
    MASK,
  ],
]

/** What every pattern needs to match: most of our own lines hold none of it, and are spared the rest. */
const SUSPICIOUS =
  /:\/\/|[?&;]\w|Bearer|Basic|Scope-Probe|GenieKey|Token|xox|xapp-|whs[ek]|gh[pousr]_|github_pat_|gl(?:pat|dt|rt|cbt)-/i

export type Redact = (text: string) => string

/**
 * The one redactor: replaces the configured secrets wherever they appear, whole or as the telling part of a URL,
 * in plain, JSON-escaped or percent-encoded form, and then whatever looks like a credential.
 *
 * @param secrets every secret of the configuration
 */
export function createRedactor(secrets: readonly Secret[]): Redact {
  const known = [...new Set(secrets.flatMap(spellings))].toSorted((a, b) => b.length - a.length)
  return (text) => {
    let clean = text
    for (const value of known) if (clean.includes(value)) clean = clean.replaceAll(value, MASK)
    if (!SUSPICIOUS.test(clean)) return clean
    for (const [pattern, replacement] of PATTERNS) clean = clean.replace(pattern, replacement)
    return clean
  }
}

/** Shorter parts of a URL are words such as `/api`, and not credentials. */
const SHORTEST = { path: 12, other: 6 }

/** The forms in which a secret can turn up. Of a URL, scheme and host are no secret, but the rest is. */
function spellings(secret: Secret): string[] {
  const value = secret.reveal()
  return [value, ...(URL.canParse(value) ? partsOf(new URL(value)) : [value.replace(/^whsec_/, '')])]
    .flatMap((part) => [
      part,
      JSON.stringify(part).slice(1, -1),
      part.replaceAll('/', '\\/'),
      part.replaceAll('&', '&amp;'),
      encodeURIComponent(part),
    ])
    .filter((part) => part.length >= SHORTEST.other)
}

function partsOf({ href, pathname, search, searchParams, password }: URL): string[] {
  // Of Slack's path the last segment is the credential, of other URLs any may be.
  const segments = pathname.split('/').filter((segment) => segment.length > SHORTEST.path)
  const path = pathname.length >= SHORTEST.path ? [pathname, pathname + search] : []
  return [href, ...path, ...segments, search, ...searchParams.values(), password, decodePercent(password)]
}

function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
