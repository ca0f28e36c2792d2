import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

const SOURCE = join(import.meta.dirname, 'go')
const BINARY = join(import.meta.dirname, '../../.cache/conformance/fluxd')

/** What Flux's own code told about one thing that happened. */
export interface Fact {
  readonly fact: string
  readonly [key: string]: string
}

export interface Fluxd {
  readonly facts: readonly Fact[]
  /** Posts every kind of event; the facts about each, once all are posted. */
  postEvents(): Promise<readonly Fact[]>
  /** The first fact of that name at or after `from`, as soon as there is one. */
  fact(name: string, from?: number): Promise<Fact>
  stop(): Promise<void>
}

export const hasGo = spawnSync('go', ['version']).status === 0

/** Builds the program that is fluxd towards us. Cold, with all of Flux's dependencies, it takes minutes. */
export async function buildFluxd(): Promise<void> {
  await promisify(execFile)('go', ['build', '-o', BINARY, '.'], { cwd: SOURCE })
}

/** Starts it with `--connect` and the like; call `buildFluxd` before. */
export function startFluxd(args: readonly string[]): Fluxd {
  const child = spawn(BINARY, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const facts: Fact[] = []
  const waiting = new Set<() => void>()
  let ended = false
  const wake = () => waiting.forEach((look) => look())
  createInterface({ input: child.stdout })
    .on('line', (line) => {
      facts.push(JSON.parse(line) as Fact)
      wake()
    })
    .on('close', () => {
      ended = true
      wake()
    })

  const fact = (name: string, from = 0) =>
    new Promise<Fact>((resolve, reject) => {
      function look() {
        const found = facts.slice(from).find((candidate) => candidate.fact === name)
        if (found === undefined && !ended) return
        waiting.delete(look)
        if (found !== undefined) resolve(found)
        else reject(new Error(`fluxd ended without telling ${name}; it told ${JSON.stringify(facts)}`))
      }
      waiting.add(look)
      look()
    })

  return {
    facts,
    fact,
    async postEvents() {
      const from = facts.length
      child.stdin.write('events\n')
      await fact('events-posted', from)
      return facts.slice(from).filter((told) => told.fact.startsWith('event-'))
    },
    async stop() {
      child.stdin.end()
      await exited
    },
  }
}
