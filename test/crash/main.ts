import { crash } from './crash.ts'

/** `npm run crash`, or `npm run crash -- 50`: as many rounds of kill -9 as wanted, and what they did. */
const rounds = Number(process.argv[2] ?? 1000)
const report = await crash(rounds, (line) => console.log(line))
console.log(report)
const promised = report.lost + report.sentAfterSettled + report.underAnotherId === 0
console.log(promised ? 'nothing lost, nothing sent after it was settled' : 'PROMISE BROKEN')
process.exitCode = promised ? 0 : 1
