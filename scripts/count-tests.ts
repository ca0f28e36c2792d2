import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Adds up the JSON reports of a folder and prints one line: `N passed, N failed`. */
interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numFailedTestSuites: number
  readonly numPendingTests: number
}

const folder = process.argv[2] ?? '.'
const reports = readdirSync(folder).map(
  (name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Report,
)
const sum = (count: (report: Report) => number): number =>
  reports.reduce((total, one) => total + count(one), 0)

const passed = sum((report) => report.numPassedTests)
// A file that cannot even be loaded has no failed test of its own.
const failed = Math.max(
  sum((report) => report.numFailedTests),
  sum((report) => (report.numFailedTestSuites > 0 ? 1 : 0)),
)
const skipped = sum((report) => report.numPendingTests)
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
if (failed > 0 || passed === 0 || reports.length < 2) process.exitCode = 1
