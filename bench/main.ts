import { writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { availableParallelism, cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { load, syncEvent, type Round } from './load.ts'
import { startBare, startService, type Server } from './service.ts'

/**
 * `npm run bench`: what it costs to store an event before answering, and whether a target that hangs is felt by
 * Flux. Both as ratios of two servers that are measured in turn in one run; bench/RESULTS.md keeps the last one.
 * `npm run bench -- --quick` takes shorter rounds and writes nothing.
 */
const quick = process.argv.includes('--quick')
const CONNECTIONS = 64
const ROUNDS = 5
const SECONDS = quick ? 1 : 4
// Until then the optimising compiler is still at work, longest on what has more code.
const WARM_UP_SECONDS = quick ? 3 : 10

interface Comparison {
  readonly subject: Round[]
  readonly baseline: Round[]
}

const healthy = await target((_request, response) => void response.end('ok'))
const hung = await target(() => {})

const throughput = await compare(await startService(healthy.url), await startBare())
const shares = ratios(throughput, ({ perSecond }) => perSecond)
const isolation = await compare(await startService(hung.url), await startService(healthy.url))
const latencies = ratios(isolation, ({ p99 }) => p99)
healthy.close()
hung.close()

const results = `# Results

Printed by \`npm run bench\`, ${ROUNDS} rounds of ${SECONDS} s each after ${WARM_UP_SECONDS} s to get warm, ${CONNECTIONS} connections, each with the next event as soon
as the last was answered. The two servers of a comparison take turns, and each round gives one ratio; load
generator and server share the machine, so only the ratios mean anything.

Machine: ${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node.js ${process.version}.

## Events accepted per second, against a bare Fastify handler that only parses the same JSON

fluxcloud stores each event and its delivery with synchronous=FULL, logs a line, and only then answers.

${table('fluxcloud', 'bare handler', throughput, shares, ({ perSecond }) => `${Math.round(perSecond)}/s`)}

Median ratio: **${median(shares).toFixed(2)}** (aim 0.9, at least 0.8)

## Time to the answer (p99) while the target hangs, against a healthy target

${table('target hangs', 'target is well', isolation, latencies, ({ p99 }) => `${p99.toFixed(1)} ms`)}

Median ratio: **${median(latencies).toFixed(2)}** (at most 1.2)
`
console.log(results)
if (!quick) writeFileSync(join(import.meta.dirname, 'RESULTS.md'), results)

/** Measures two servers in turn, the one that goes first changing every round, and stops them. */
async function compare(subject: Server, baseline: Server): Promise<Comparison> {
  const measure = ({ port }: Server, seconds = SECONDS): Promise<Round> =>
    load({ port, connections: CONNECTIONS, seconds, nextBody: syncEvent })
  const comparison: Comparison = { subject: [], baseline: [] }
  // Compilers and caches first get warm, for as long on either side.
  await measure(subject, WARM_UP_SECONDS)
  await measure(baseline, WARM_UP_SECONDS)
  for (let round = 0; round < ROUNDS; round++) {
    if (round % 2 === 0) comparison.subject.push(await measure(subject))
    comparison.baseline.push(await measure(baseline))
    if (round % 2 === 1) comparison.subject.push(await measure(subject))
  }
  await subject.stop()
  await baseline.stop()
  return comparison
}

function ratios({ subject, baseline }: Comparison, value: (round: Round) => number): number[] {
  return subject.map((round, index) => value(round) / value(baseline[index] ?? round))
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

function table(
  subjectName: string,
  baselineName: string,
  { subject, baseline }: Comparison,
  shares: readonly number[],
  show: (round: Round) => string,
): string {
  const rows = subject.map((round, index) => {
    const other = baseline[index] ?? round
    return `| ${index + 1} | ${show(round)} | ${show(other)} | ${shares[index]?.toFixed(2)} |`
  })
  return [`| round | ${subjectName} | ${baselineName} | ratio |`, '| --- | --- | --- | --- |', ...rows].join(
    '\n',
  )
}

async function target(listener: RequestListener): Promise<{ url: string; close(): void }> {
  const server = createServer((request, response) => {
    request.resume()
    request.on('end', () => listener(request, response))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
