/**
 * A message as every target gets it, before any target's markup: who renders it decides how a link or a code
 * span looks and how much fits. See layout.ts.
 */

/** A run of text with one look. `text` is untrusted and unescaped. */
export interface Span {
  readonly text: string
  readonly look?: 'code'
  /** An absolute http(s) URL. */
  readonly link?: string
}

export type Line = readonly Span[]

export interface Item {
  readonly line: Line
  /** Text to be shown as it is, such as an error: when it must be cut, head and tail stay. */
  readonly detail?: string
  /** How many of the event's items this one stands for; 1 when absent. */
  readonly count?: number
}

export interface Section {
  /** Empty for none. */
  readonly heading: string
  /** Most important first: what does not fit is left out from the end, and counted. */
  readonly items: readonly Item[]
  /** How many further items the event had that `items` does not hold. */
  readonly omitted: number
}

/** `failure` when anything failed, `success` when something changed, `neutral` for the rest. */
export type Outcome = 'success' | 'failure' | 'neutral'

export interface Message {
  readonly cluster: string
  readonly outcome: Outcome
  /** One line of plain text that says what happened, cluster included; at most `TITLE_LIMIT` characters. */
  readonly title: string
  /** Where the change can be seen, an absolute http(s) URL; empty without a GITHUB_URL or a revision. */
  readonly link: string
  /** Most important first: errors lead. */
  readonly sections: readonly Section[]
}
