import type { Judgement } from '../exporter.ts'

/**
 * What a status means by itself. A 2xx is for the exporter to look into: here it is `delivered`.
 *
 * @param reason says who answered what
 */
export type JudgeStatus = (status: number, reason: string) => Judgement

/** For a vendor's API, which knows what it says: most 4xx are about this request, and stay true however often it is sent. */
export const judgeVendorStatus: JudgeStatus = (status, reason) => {
  if (isSuccess(status)) return { kind: 'delivered' }
  if (isRedirect(status)) return { kind: 'rejected', reason: `${reason}: redirects are not followed` }
  if (status === 429) return { kind: 'limited', reason }
  // 407 is a proxy on the way: like a wrong token, it takes a person to mend.
  if ([401, 403, 407, 410].includes(status)) return { kind: 'disabled', reason }
  if (isClientError(status) && ![408, 423, 425].includes(status)) return { kind: 'rejected', reason }
  return { kind: 'retry', reason }
}

/**
 * For somebody's own receiver, which answers 404 or 401 for minutes while it is being deployed: all but a redirect
 * and 410 is tried again, as other senders do (https://docs.svix.com/retries).
 */
export const judgeWebhookStatus: JudgeStatus = (status, reason) => {
  if (isSuccess(status)) return { kind: 'delivered' }
  if (isRedirect(status)) return { kind: 'rejected', reason: `${reason}: redirects are not followed` }
  if (status === 429) return { kind: 'limited', reason }
  if (status === 410) return { kind: 'disabled', reason }
  return { kind: 'retry', reason }
}

function isSuccess(status: number): boolean {
  return status >= 200 && status <= 299
}

function isRedirect(status: number): boolean {
  return status >= 300 && status <= 399
}

function isClientError(status: number): boolean {
  return status >= 400 && status <= 499
}
