import { fastify } from 'fastify'
import { expect, test } from 'vitest'
import slackPlugin from '../../exporters/slack.ts'
import webhookPlugin from '../../exporters/webhook.ts'
import exportersPlugin from '../../plugins/exporters.ts'
import { Secret } from '../../src/secret.ts'

const url = new Secret('https://example.com/x')
const slack = { url, username: 'x', iconEmoji: ':x:', channels: [{ channel: '#ops', namespace: '*' }] }

test('each plugin registers its one exporter', async () => {
  await using app = fastify()
  await app.register(exportersPlugin)
  await app.register(slackPlugin, slack)
  await app.register(webhookPlugin, { url, signingSecrets: [], requestsPerSecond: 1 })
  await app.ready()
  expect(app.exporters.all().map(({ name }) => name)).toEqual(['slack', 'webhook'])
  expect(app.exporters.find('slack:#ops')?.destination.name).toBe('#ops')
})

test('an exporter without the registry stops the start', async () => {
  await using app = fastify()
  await expect(async () => await app.register(slackPlugin, slack)).rejects.toThrow(/exporters/)
})
