import type { SlackMessage } from '../test/support/slack-server.ts'
import type { Posted } from './daemon.ts'
import { readMrkdwn, unescape } from './mrkdwn.ts'
import { paint, paintHex, wrap } from './paint.ts'

/** The column of who speaks: fluxd, fluxcloud, or a channel of Slack. */
const WHO = 11
const WIDTH = Math.min(Math.max(process.stdout.columns ?? 100, 60), 110)
const BAR = '▌'

let steps = 0
let held: string[] | undefined
let lastShown: SlackMessage | undefined

/** A chapter of the story. */
export function chapter(title: string): void {
  print()
  print(paint('bold', `${++steps}. ${title}`))
}

/** What the storyteller says. */
export function say(text: string): void {
  for (const line of wrap(text, WIDTH)) print(paint('dim', line))
}

/** A line as it is, to be copied from. */
export function print(line = ''): void {
  if (held === undefined) console.log(line)
  else held.push(line)
}

/** Keeps what is printed in the meantime until `task` is over and `then` has had the first word. */
export async function hold<T>(task: Promise<T>, then: (result: T) => void): Promise<void> {
  const lines: string[] = []
  held = lines
  try {
    const result = await task
    held = undefined
    then(result)
  } finally {
    held = undefined
    for (const line of lines) print(line)
  }
}

/** An event on its way in. */
export function showPosted(what: string, { status, ms }: Posted): void {
  speak('fluxd', [`posts ${what}, answered ${status} after ${ms} ms`])
}

/** A message as Slack shows it. A second channel with the same one gets its title only. */
export function showMessage(message: SlackMessage): void {
  const { channel, text, title, titleLink, body } = message
  const bar = `${paintHex(message.color, BAR)} `
  const attachment = [paint('bold', unescape(title))]
  if (lastShown?.title === title && lastShown.body === body && lastShown.channel !== channel) {
    attachment.push(paint('dim', `(the same as in ${lastShown.channel})`))
    speak(channel, attachment, bar)
  } else {
    if (titleLink !== '') attachment.push(paint('blue', titleLink))
    speak(channel, [unescape(text)])
    speak('', [...attachment, ...readMrkdwn(body)], bar)
  }
  lastShown = message
}

/** What the service logs, a line of JSON each: shows what a person should know about. */
export function showLog(lines: string): void {
  for (const json of lines.trimEnd().split('\n')) {
    const line = JSON.parse(json) as Readonly<Record<string, unknown>>
    if (isWorthShowing(line)) showLine(line)
  }
}

function showLine(line: Readonly<Record<string, unknown>>): void {
  const { destination, level, msg, reason, error, retryAt } = line
  const retryMs = Date.parse(String(retryAt)) - Date.now()
  const parts = [
    destination,
    msg,
    reason ?? error,
    Number.isNaN(retryMs) ? undefined : `again in ${Math.ceil(retryMs / 1000)} s`,
  ]
  const text = parts
    .filter((part) => part !== undefined)
    .map(String)
    .join(' – ')
  speak('fluxcloud', [paint('magenta', `logs ${String(level)}: ${text}`)])
}

function isWorthShowing({ level, msg }: Readonly<Record<string, unknown>>): boolean {
  return level === 'warn' || level === 'error' || level === 'fatal' || String(msg).includes('received again')
}

function speak(who: string, lines: readonly string[], bar = ''): void {
  const wrapped = lines.flatMap((line) => wrap(line, WIDTH - WHO - 2))
  for (const [index, line] of wrapped.entries()) {
    const name = (index === 0 ? who : '').padEnd(WHO)
    print(`${paint('bold', name)}${bar}${line}`)
  }
}
