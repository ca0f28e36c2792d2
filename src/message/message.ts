/**
 * A message as every target gets it, before any target's markup: who renders it decides how a link or a code
 * span looks and how much fits. See layout.ts.
 */

/** A run of text with one look. `text` is untrusted and unescaped. */
export interface Span {
  readonly text: string
  readonly look?: 'code' | 'strong'
  /** An absolute http(s) URL. */
  readonly link?: string
}

export type Line = readonly Span[]

export interface Section {
  /** Empty for none. */
  readonly heading: string
  /**
   * `list`: each line is an item, and lines may be left out from the end; `pre`: text to be shown as it is,
   * such as an error, of which head and tail are kept when it must be cut.
   */
  readonly kind: 'list' | 'pre'
  readonly lines: readonly Line[]
  /** How many further items the event had that `lines` does not hold. */
  readonly omitted: number
}

/** `failure` when anything failed, `success` when something changed, `neutral` for the rest. */
export type Outcome = 'success' | 'failure' | 'neutral'

export interface Message {
  readonly cluster: string
  readonly outcome: Outcome
  /** One line of plain text that says what happened, cluster included. */
  readonly title: string
  /** Where the change can be seen, an absolute http(s) URL; empty without a GITHUB_URL or a revision. */
  readonly link: string
  /** Most important first: errors lead. */
  readonly sections: readonly Section[]
}
