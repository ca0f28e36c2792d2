import { systemClock, type Clock } from '../../src/clock.ts'
import { answer, targetServer, type TargetServer } from '../support/target-server.ts'
import { runApp, type RunningApp } from '../support/app.ts'

const HURRY = 50

/** Slack's pace is a message a second, and there are many to come: here a second is 20 ms long. */
const hurriedClock: Clock = {
  now: () => Date.now() * HURRY,
  after: (ms, run) => systemClock.after(ms / HURRY, run),
}

export interface Upstream extends RunningApp {
  /** Gets every message of every cluster, as Slack would. */
  readonly slack: TargetServer
  readonly webhook: TargetServer
}

/** The whole service, on `port` of 127.0.0.1 (0 for any free one), with a place in Slack and a webhook. */
export async function startUpstream(port = 0): Promise<Upstream> {
  const slack = await targetServer(answer(200, 'ok'))
  const webhook = await targetServer(answer(200))
  const running = await runApp(
    {
      LISTEN_ADDRESS: `127.0.0.1:${port}`,
      EXPORTER_TYPE: 'slack,webhook',
      GITHUB_URL: 'https://github.com/acme/deploy/',
      SLACK_URL: slack.url,
      SLACK_CHANNEL: '#kubernetes',
      WEBHOOK_URL: webhook.url,
      WEBHOOK_RATE: '1000',
    },
    { clock: hurriedClock },
  )
  return { ...running, slack, webhook }
}
