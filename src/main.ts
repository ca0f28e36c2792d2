import closeWithGrace from 'close-with-grace'
import { buildApp } from './app.ts'
import { ConfigError, loadConfig } from './config.ts'
import { StoreError } from './store/store.ts'

/** Kubernetes kills after 30 s by default, and the promise is 10: what takes longer is left for the next start. */
const STOP_WITHIN_MS = 9_500

/** Runs the service until a signal ends it. */
async function main(): Promise<void> {
  const config = loadConfig(process.env)
  const app = await buildApp(config)
  closeWithGrace({ delay: STOP_WITHIN_MS, logger: app.log }, async ({ signal, err }) => {
    if (err) app.log.fatal({ err }, 'stopping because of an error that nobody handled')
    else app.log.info({ signal }, 'stopping')
    await app.close()
    app.log.info('stopped')
  })
  if (config.ignored.length > 0) {
    app.log.warn({ settings: config.ignored }, 'these settings of the original fluxcloud have no effect')
  }
  if (config.links.repository === '') app.log.warn('GITHUB_URL is not set: messages carry no links')
  await app.listen(config.listen)
  app.log.info(
    { exporters: app.exporters.all().map(({ name }) => name), dataDir: config.dataDir },
    'ready for Flux: start fluxd with --connect=ws://HOST:PORT of this service',
  )
}

function explain(error: unknown): string {
  if (error instanceof ConfigError) {
    const problems = error.problems.map((problem) => `  ${problem}`).join('\n')
    return (
      `fluxcloud cannot start: ${error.message}.\n\n${problems}\n\n` +
      'The README explains every setting. To see fluxcloud at work without any, run: npm run demo'
    )
  }
  if (error instanceof StoreError) return `fluxcloud cannot start: ${error.message}`
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE' || code === 'EACCES' || code === 'EADDRNOTAVAIL') {
    return `fluxcloud cannot start: ${message}. LISTEN_ADDRESS says where to listen.`
  }
  return `fluxcloud cannot start: ${error instanceof Error ? error.stack : String(error)}`
}

main().catch((error: unknown) => {
  process.stderr.write(`${explain(error)}\n`)
  process.exit(1)
})
