import { expect, it } from 'vitest'
import { crash } from './crash.ts'

const rounds = Number(process.env['CRASH_ROUNDS'] ?? (process.env['CI'] === undefined ? 10 : 100))

it(
  `loses nothing and repeats nothing settled in ${rounds} rounds of kill -9 under load`,
  { timeout: 900_000 },
  async () => {
    const report = await crash(rounds, (line) => console.log(line))
    console.log(report)
    expect(report).toMatchObject({ lost: 0, sentAfterSettled: 0, underAnotherId: 0 })
    // A test that accepted next to nothing would prove next to nothing.
    expect(report.accepted).toBeGreaterThan(rounds * 5)
  },
)
