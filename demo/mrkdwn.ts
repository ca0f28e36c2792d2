import { paint } from './paint.ts'

const FENCE = '```'

/** Slack's mrkdwn as a terminal can show it, line by line. */
export function readMrkdwn(text: string): string[] {
  const lines: string[] = []
  let inFence = false
  for (const line of text === '' ? [] : text.split('\n')) {
    if (line === FENCE) inFence = !inFence
    else lines.push(inFence ? `  ${paint('yellow', unescape(line))}` : readLine(line))
  }
  return lines
}

/** What stands between a line's marks: code, a link's label, bold, or nothing. */
const MARKED = /`(?<code>[^`]+)`|<[^|>]+\|(?<label>[^>]+)>|(?<![\w*])\*(?<bold>[^*]+)\*(?![\w*])/g

function readLine(line: string): string {
  let read = ''
  let end = 0
  for (const match of line.matchAll(MARKED)) {
    const { code, label, bold } = match.groups ?? {}
    read += unescape(line.slice(end, match.index))
    if (code !== undefined) read += paint('cyan', unescape(code))
    else if (label !== undefined) read += paint('underline', unescape(label))
    else read += paint('bold', unescape(bold ?? ''))
    end = match.index + match[0].length
  }
  return read + unescape(line.slice(end))
}

/** The three that Slack escapes, `&` last. */
export function unescape(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}
