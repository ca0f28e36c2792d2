import { describe, expect, test } from 'vitest'
import type { FluxEvent } from '../../../src/flux/event.ts'
import { buildMessage } from '../../../src/message/build.ts'
import { layout } from '../../../src/message/layout.ts'
import { createLinks } from '../../../src/message/links.ts'
import type { Outcome } from '../../../src/message/message.ts'
import { plainMarkup } from '../../../src/message/plain.ts'
import { codePoints } from '../../../src/message/truncate.ts'
import {
  commitEvent,
  counted,
  failed,
  fluxEvent,
  releaseEvent,
  syncEvent,
  updated,
} from '../../support/events.ts'
import { rewrittenCharacters } from '../../support/work.ts'

const API = 'default:deployment/api'
const WEB = 'default:deployment/web'
const REVISION = 'a1b2c3d4e5f60718293a4b5c6d7e8f9001122334'
const PAGE = 'https://github.com/acme/deploy'
const links = createLinks({ repository: PAGE, style: 'auto' })
const bump = updated(API, 'quay.io/acme/api:1.4.1', 'quay.io/acme/api:1.4.2')
const scale = { revision: REVISION, message: '\nScale api to 5  \n\nIt is slow.' }
const older = { revision: '0f9e8d7c6b5a', message: 'Before' }
const refused = { id: API, path: 'deploy/api.yaml', error: 'quota exceeded' }

function tell(event: FluxEvent) {
  const message = buildMessage({ cluster: 'prod', event, links })
  const body = layout(message.sections, plainMarkup, { size: 4000, unit: 'characters' })
  return { ...message, body, lines: body.split('\n') }
}

describe('the title says what happened, and the colour whether it is well', () => {
  const commits = counted(scale)
  const alice = { cause: { user: 'alice', message: '' } }
  const cases: [string, FluxEvent, Outcome][] = [
    [`Synced a1b2c3d: ${API} – Scale api to 5`, syncEvent([API], { commits }), 'success'],
    [
      'Synced 2 commits up to a1b2c3d: 2 workloads',
      syncEvent([API, WEB], { commits: counted(scale, older) }),
      'success',
    ],
    ['Synced a1b2c3d: no workloads changed – Scale api to 5', syncEvent([], { commits }), 'neutral'],
    ['Synced: no workloads changed', syncEvent(), 'neutral'],
    ['First sync of a1b2c3d: 2 workloads', syncEvent([API, WEB], { commits, initial: true }), 'success'],
    [`Sync failed for ${API} (a1b2c3d)`, syncEvent([API], { commits, errors: counted(refused) }), 'failure'],
    ['Sync failed for 2 resources', syncEvent([], { errors: counted(refused, refused) }), 'failure'],
    [
      'First sync failed for a resource without a name',
      syncEvent([], { initial: true, errors: counted({ ...refused, id: '' }) }),
      'failure',
    ],
    [
      `Committed a1b2c3d: policy change of ${API} by alice`,
      commitEvent([API], { change: 'policy', ...alice }),
      'success',
    ],
    [
      `Committed a1b2c3d: automatic image update of ${API}`,
      commitEvent([API], { change: 'auto' }),
      'success',
    ],
    ['Committed a1b2c3d: no workloads', commitEvent([], { change: 'novel' }), 'success'],
    [
      'Committed a1b2c3d: image update of 2 workloads, but 1 of 2 workloads failed',
      commitEvent([API, WEB], { change: 'image', results: counted(bump, failed(WEB, 'x')) }),
      'failure',
    ],
    [
      `Released quay.io/acme/api:1.4.2 to ${API} by alice`,
      releaseEvent([API], { results: counted(bump), ...alice }),
      'success',
    ],
    [
      'Released quay.io/acme/api:1.4.2 to all workloads',
      releaseEvent([API], { results: counted(bump), allWorkloads: true }),
      'success',
    ],
    [
      `Automatically released a:2 and b:2 to 2 workloads`,
      releaseEvent([API, WEB], {
        kind: 'autorelease',
        results: counted(updated(API, 'a:1', 'a:2'), updated(WEB, 'b:1', 'b:2')),
      }),
      'success',
    ],
    [
      `Automatically released a and 2 more images to 1 workload`,
      releaseEvent(
        [],
        { kind: 'autorelease', images: { items: ['a'], total: 3 } },
        { serviceIDs: { items: [], total: 1 } },
      ),
      'success',
    ],
    [`Release by alice to ${API} changed no images`, releaseEvent([API], alice), 'neutral'],
    [`Release to ${API} failed`, releaseEvent([API], { error: 'no such image' }), 'failure'],
    [
      `Release failed for ${WEB}`,
      releaseEvent([API, WEB], { results: counted(bump, failed(WEB, 'x')) }),
      'failure',
    ],
    [
      'Automatic release failed for 2 of 2 workloads',
      releaseEvent([API, WEB], { kind: 'autorelease', results: counted(failed(API, 'x'), failed(WEB, 'x')) }),
      'failure',
    ],
    [`Automated ${API}`, fluxEvent({ type: 'automate', serviceIDs: counted(API) }), 'success'],
    [`Stopped automating ${API}`, fluxEvent({ type: 'deautomate', serviceIDs: counted(API) }), 'success'],
    [`Locked ${API}`, fluxEvent({ type: 'lock', serviceIDs: counted(API) }), 'success'],
    [`Unlocked ${API}`, fluxEvent({ type: 'unlock', serviceIDs: counted(API) }), 'success'],
    [
      'Changed policies of 2 workloads',
      fluxEvent({ type: 'update_policy', serviceIDs: counted(API, WEB) }),
      'success',
    ],
    ['image_scan event for no workloads', fluxEvent({ type: 'image_scan' }), 'neutral'],
    ['As I say', fluxEvent({ message: '\nAs I say\nand more' }), 'neutral'],
    ['As I say', syncEvent([API], { commits, errors: counted(refused) }, { message: 'As I say' }), 'failure'],
    ['Oh no', fluxEvent({ message: 'Oh no', logLevel: 'error' }), 'failure'],
  ]
  test.each(cases)('%s', (title, event, outcome) => {
    const message = tell(event)
    expect(message.title).toBe(`[prod] ${title}`)
    expect(message.outcome).toBe(outcome)
  })

  test('without a cluster it stands alone', () => {
    expect(buildMessage({ cluster: '', event: syncEvent(), links }).title).toBe(
      'Synced: no workloads changed',
    )
  })
})

describe('a title is one bounded line', () => {
  const huge = 'x'.repeat(1_000_000)
  test.each([
    ['message', fluxEvent({ message: huge })],
    ['message of blank lines', fluxEvent({ message: '\n'.repeat(1_000_000) })],
    ['workload', syncEvent([huge])],
    ['subject', syncEvent([], { commits: counted({ revision: REVISION, message: huge }) })],
    ['user', releaseEvent([], { cause: { user: huge, message: '' } })],
    ['image', releaseEvent([], { images: counted(huge, huge) })],
    ['type', fluxEvent({ type: huge })],
    ['hostile', fluxEvent({ message: 'a\ud83d\u202eb\tc\u0000\u2028d' })],
  ])('%s', (_, event) => {
    const { title } = tell(event)
    expect(codePoints(title)).toBeLessThanOrEqual(250)
    expect(title).toMatch(/^\[prod\] \S/)
    expect(title).not.toMatch(/[\p{Cc}\u2028\u202e]/u)
    expect(title.isWellFormed()).toBe(true)
  })
})

describe('a sync', () => {
  test('that failed tells the errors first, then the commits and workloads', () => {
    const { lines, link } = tell(
      syncEvent([WEB, API], { commits: counted(scale, older), errors: counted(refused) }),
    )
    expect(link).toBe(`${PAGE}/commit/${REVISION}`)
    expect(lines).toEqual([
      'Error:',
      `- ${API} in deploy/api.yaml`,
      'quota exceeded',
      'Commits (2):',
      `- a1b2c3d (${PAGE}/commit/${REVISION}) Scale api to 5`,
      `- 0f9e8d7 (${PAGE}/commit/0f9e8d7c6b5a) Before`,
      'Workloads (2):',
      `- ${API}`,
      `- ${WEB}`,
    ])
  })

  test('tells an error that many resources share once', () => {
    const errors = Array.from({ length: 40 }, (_, index) => ({
      ...refused,
      id: `team-${index}:deployment/app`,
    }))
    const { lines } = tell(
      syncEvent([], { errors: counted(...errors, { ...refused, id: WEB, error: 'other' }) }),
    )
    expect(lines[0]).toBe('Errors (41):')
    expect(lines[1]).toMatch(/^- team-0:deployment\/app, .*, team-4:deployment\/app and 35 more$/)
    expect(lines.slice(2)).toEqual(['quota exceeded', `- ${WEB} in deploy/api.yaml`, 'other'])
  })

  test('names an error without text, and a resource without an id', () => {
    const { lines } = tell(syncEvent([], { errors: counted({ id: '', path: '', error: ' ' }) }))
    expect(lines).toEqual(['Error:', '- a resource without a name', 'Flux gave no reason'])
  })

  test('of which only a part was kept counts the rest', () => {
    const event = syncEvent([], {
      commits: { items: [scale], total: 1001 },
      errors: { items: [refused], total: 501 },
    })
    const { lines } = tell({ ...event, serviceIDs: { items: [API], total: 10_000 } })
    expect(lines).toContain('Errors (501):')
    expect(lines).toContain('- … and 500 more')
    expect(lines).toContain('- … and 1000 more')
    expect(lines).toContain('- … and 9999 more')
  })

  test('without a GITHUB_URL shows revisions without links', () => {
    const noLinks = createLinks({ repository: '', style: 'auto' })
    const message = buildMessage({
      cluster: '',
      event: syncEvent([], { commits: counted(scale) }),
      links: noLinks,
    })
    expect(message.link).toBe('')
    expect(layout(message.sections, plainMarkup, { size: 99, unit: 'characters' })).toBe(
      'Commit: a1b2c3d Scale api to 5',
    )
  })
})

describe('a release', () => {
  test('tells who and why, and each image from old to new', () => {
    const { lines } = tell(
      releaseEvent([API, WEB], {
        cause: { user: 'alice', message: 'Ship it\nnow' },
        results: counted(
          bump,
          updated(WEB, 'registry:5000/web', 'registry:5000/web'),
          updated(WEB, 'a/b:1', 'c/d:1'),
        ),
      }),
    )
    expect(lines).toEqual([
      'Requested by: alice: Ship it now',
      'Images (3):',
      `- ${API}: quay.io/acme/api:1.4.1 → 1.4.2`,
      `- ${WEB}: registry:5000/web`,
      `- ${WEB}: a/b:1 → c/d:1`,
    ])
  })

  test('names the containers where there are several', () => {
    const containers = [
      { container: 'app', current: 'a:1', target: 'a:2' },
      { container: 'sidecar', current: '', target: 'b:2' },
    ]
    const { lines } = tell(releaseEvent([API], { results: counted({ ...bump, containers }) }))
    expect(lines).toEqual([`Image: ${API}: app a:1 → 2, sidecar b:2`])
  })

  test('that failed tells why, once', () => {
    const results = counted(bump, failed(WEB, 'no such container'))
    const { lines } = tell(releaseEvent([API, WEB], { error: `${WEB} failed: no such container`, results }))
    expect(lines.slice(0, 3)).toEqual(['Failed:', `- ${WEB}`, 'no such container'])
    expect(lines.filter((line) => line.includes('no such container'))).toHaveLength(1)
    expect(tell(releaseEvent([API], { error: 'git is read-only' })).lines.slice(0, 2)).toEqual([
      'Error:',
      'git is read-only',
    ])
  })

  test('that changed nothing tells the reasons, otherwise the number of what was left alone', () => {
    const skipped = { id: WEB, status: 'skipped', error: 'up to date', containers: [] }
    expect(tell(releaseEvent([WEB], { results: counted(skipped) })).lines).toEqual([
      `Not changed: ${WEB} skipped: up to date`,
    ])
    expect(tell(releaseEvent([API], { results: counted(bump, skipped, skipped) })).lines).toContain(
      'Not changed: 2 skipped',
    )
  })
})

describe('a commit', () => {
  test('tells the policies that changed', () => {
    const policies = counted(
      { id: API, added: ['locked', 'tag.api=glob:1.*'], removed: ['automated'] },
      { id: WEB, added: [], removed: ['locked'] },
    )
    const { lines } = tell(
      commitEvent([API, WEB], { change: 'policy', cause: { user: '', message: 'Freeze' }, policies }),
    )
    expect(lines).toEqual([
      'Reason: Freeze',
      'Policies (2):',
      `- ${API}: added locked, tag.api=glob:1.*, removed automated`,
      `- ${WEB}: removed locked`,
    ])
  })

  test('without details tells its workloads', () => {
    expect(tell(commitEvent([API])).lines).toEqual([`Workload: ${API}`])
  })
})

test('a message of several lines is shown in full', () => {
  expect(tell(fluxEvent({ message: 'As I say\nand more\n' })).lines).toEqual(['As I say', 'and more'])
})

test('building costs no more for texts that are cut than for those that fill a message', () => {
  // A few more halvings may be needed to find where to cut the longer ones.
  expect(workOn(1_000_000)).toBeLessThanOrEqual(1.1 * workOn(10_000))
})

/** The work of telling events whose every text is `size` characters long. */
function workOn(size: number): number {
  const long = 'x'.repeat(size)
  const commits = counted({ revision: REVISION, message: long })
  const events = [
    syncEvent([long], { commits, errors: counted({ id: long, path: long, error: long }) }),
    releaseEvent([long], { cause: { user: long, message: long } }),
    fluxEvent({ type: long }),
    fluxEvent({ message: long }),
  ]
  return rewrittenCharacters(() => void events.map(tell))
}
