import { setTimeout as pause } from 'node:timers/promises'
import type { SlackServer } from '../test/support/slack-server.ts'
import type { Daemon } from './daemon.ts'
import {
  autorelease,
  commitOf,
  imageCommit,
  lockCommit,
  release,
  resent,
  sync,
  type Cause,
  type Update,
  type WireEvent,
} from './events.ts'
import { chapter, hold, print, say, showPosted } from './screen.ts'

export interface Stage {
  readonly daemon: Daemon
  readonly slack: SlackServer
  /** Ends the story early. */
  readonly signal: AbortSignal
}

/** What each channel should have been told, in order: beginnings of titles. */
type Told = Map<string, string[]>

const CLUSTER = 'prod-eu'
const READING_MS = 700
const PATIENCE_MS = 15_000
const LIMITED_MS = 4000

const ALICE = 'Alice Moreau'
const API = 'payments:deployment/api'
const WORKER = 'payments:deployment/worker'
const WEB = 'shop:deployment/web'
const INGRESS = 'shop:ingress/web'

/**
 * A day in the life of a cluster, in a quarter of a minute. Rejects when it does not arrive as it happened: every
 * message once, in every channel that wants it, and in order.
 */
export async function tell(stage: Stage): Promise<void> {
  const told: Told = new Map()
  await firstSync(stage, told)
  await releaseByHand(stage, told)
  await automaticRelease(stage, told)
  await lockByHand(stage, told)
  await failingSync(stage, told)
  await whileSlackSaysNo(stage, told)
  summarise(stage)
}

async function firstSync(stage: Stage, told: Told): Promise<void> {
  chapter('Flux syncs a new cluster for the first time.')
  const commit = commitOf('Move payments and shop to the new cluster')
  const all = ['<cluster>:namespace/payments', '<cluster>:namespace/shop', API, WORKER, WEB, INGRESS]
  await post(stage, told, sync(all, [commit], { initialSync: true }), 'the sync', 'First sync of ')
  await arrival(stage, told)
}

async function releaseByHand(stage: Stage, told: Told): Promise<void> {
  const message = 'Round refunds to whole cents'
  const update: Update = {
    workload: API,
    container: 'api',
    from: 'registry.example.com/payments/api:2.3.1',
    to: 'registry.example.com/payments/api:2.4.0',
  }
  const cause: Cause = { User: ALICE, Message: message }
  const commit = commitOf(message)
  chapter('Alice rolls out a version: fluxctl release --workload=payments:deployment/api …')
  say('Flux commits to git, applies the commit, and then reports the release: three events.')
  await post(stage, told, imageCommit(commit, cause, update), 'the commit', 'Committed ')
  await post(stage, told, sync([API], [commit], { includes: { release: true } }), 'the sync', 'Synced ')
  await post(stage, told, release(commit, cause, update), 'the release', 'Released ')
  await arrival(stage, told)
}

async function automaticRelease(stage: Stage, told: Told): Promise<void> {
  chapter('Flux finds a newer image by itself.')
  say('It concerns the namespace shop, so only #ops is told. #payments stays quiet.')
  const update: Update = {
    workload: WEB,
    container: 'web',
    from: 'registry.example.com/shop/web:7.0.2',
    to: 'registry.example.com/shop/web:7.0.3',
  }
  const commit = commitOf(`Auto-release ${update.to}`)
  await post(stage, told, autorelease(commit, update), 'the automatic release', 'Automatically released ')
  await arrival(stage, told)
}

async function lockByHand(stage: Stage, told: Told): Promise<void> {
  chapter('Alice locks the worker: fluxctl lock --workload=payments:deployment/worker …')
  const cause: Cause = { User: ALICE, Message: 'Hold until the migration is done' }
  const commit = commitOf(cause.Message)
  await post(stage, told, lockCommit(commit, cause, WORKER), 'the commit', 'Committed ')
  await arrival(stage, told)
}

async function failingSync(stage: Stage, told: Told): Promise<void> {
  chapter('A sync fails: two manifests are refused.')
  const commit = commitOf('Give the worker more memory\n\nIt was killed twice last night.')
  const failed = sync([API, WORKER, WEB, INGRESS], [commit], {
    errors: [
      {
        ID: WORKER,
        Path: 'payments/worker.yaml',
        Error:
          'running kubectl: The Deployment "worker" is invalid: spec.template.spec.containers[0].resources.requests: Invalid value: "2Gi": must be less than or equal to memory limit of 1Gi',
      },
      {
        ID: INGRESS,
        Path: 'shop/ingress.yaml',
        Error:
          'running kubectl: error: unable to recognize "STDIN": no matches for kind "Ingress" in version "extensions/v1beta1"',
      },
    ],
  })
  await post(stage, told, failed, 'the sync', 'Sync failed for 2 resources ')
  await arrival(stage, told)
  print()
  say('Some minutes later Flux tries once more, fails in the same way and says so again.')
  await post(stage, told, resent(failed), 'the same sync')
  say('Accepted, but nobody is told twice.')
  await wait(READING_MS, stage)
}

async function whileSlackSaysNo(stage: Stage, told: Told): Promise<void> {
  chapter(`Bob mends it, while Slack asks for ${LIMITED_MS / 1000} seconds of peace (429 with Retry-After).`)
  const update: Update = {
    workload: WORKER,
    container: 'worker',
    from: 'registry.example.com/payments/worker:1.9.4',
    to: 'registry.example.com/payments/worker:1.9.5',
  }
  const mended = commitOf('Raise the memory limit too, and use networking.k8s.io/v1')
  const next = commitOf(`Auto-release ${update.to}`)
  stage.slack.limitFor(LIMITED_MS)
  await post(stage, told, sync([WORKER, INGRESS], [mended]), 'the sync that works again', 'Synced ')
  const automatic = { includes: { autorelease: true } }
  await post(stage, told, sync([WORKER], [next], automatic), 'the next sync', 'Synced ')
  await post(stage, told, autorelease(next, update), 'its release', 'Automatically released ')
  say('Flux has its answers and works on. The three events are on disk and wait for Slack, in order:')
  await arrival(stage, told)
}

/** Posts an event; `title` is how its message begins, and missing when there must be none. */
async function post(
  { daemon, signal }: Stage,
  told: Told,
  event: WireEvent,
  what: string,
  title?: string,
): Promise<void> {
  signal.throwIfAborted()
  await hold(daemon.post(event), (posted) => {
    showPosted(what, posted)
    if (posted.status !== 200) throw new Error(`${what} was answered ${posted.status} instead of 200`)
  })
  if (title === undefined) return
  const isOfPayments = event.serviceIDs.some((id) => id.startsWith('payments:'))
  for (const channel of isOfPayments ? ['#payments', '#ops'] : ['#ops']) {
    told.set(channel, [...(told.get(channel) ?? []), `[${CLUSTER}] ${title}`])
  }
}

/** Waits until Slack has what was posted so far, and leaves a moment to read it. */
async function arrival(stage: Stage, told: Told): Promise<void> {
  const expected = [...told.values()].flat().length
  const deadline = Date.now() + PATIENCE_MS
  while (stage.slack.messages.length < expected) {
    if (Date.now() > deadline) {
      throw new Error(
        `Slack has ${stage.slack.messages.length} of ${expected} messages: the rest did not come`,
      )
    }
    await wait(20, stage)
  }
  await wait(READING_MS, stage)
  for (const [channel, titles] of told) compare(channel, titles, stage.slack)
}

function compare(channel: string, expected: readonly string[], { messages }: SlackServer): void {
  const arrived = messages.filter((message) => message.channel === channel).map(({ title }) => title)
  const isAsTold = expected.every((title, index) => arrived[index]?.startsWith(title))
  if (isAsTold && arrived.length === expected.length) return
  throw new Error(`${channel} should have been told:${list(expected)}\nbut was told:${list(arrived)}`)
}

function list(titles: readonly string[]): string {
  return titles.map((title) => `\n  ${title}`).join('')
}

async function wait(ms: number, { signal }: Stage): Promise<void> {
  await pause(ms, undefined, { signal })
}

function summarise({ slack }: Stage): void {
  const count = (channel: string): number =>
    slack.messages.filter((message) => message.channel === channel).length
  print()
  say(
    `That was the story: ${count('#payments')} messages in #payments and ${count('#ops')} in #ops, each once and in ` +
      `order, though Slack refused ${slack.refused()} requests and Flux repeated itself.`,
  )
}
