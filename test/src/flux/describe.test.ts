import { describe as suite, expect, test } from 'vitest'
import { describe } from '../../../src/flux/describe.ts'
import type { FluxEvent } from '../../../src/flux/event.ts'
import {
  commitEvent,
  counted,
  failed,
  fluxEvent,
  releaseEvent,
  syncEvent,
  updated,
} from '../../support/events.ts'

const API = 'default:deployment/api'
const WEB = 'default:deployment/web'
const commits = (...revisions: string[]) =>
  counted(...revisions.map((revision) => ({ revision, message: '' })))
const cause = (user: string, message: string) => ({ cause: { user, message } })
const bump = updated(API, 'acme/api:1', 'acme/api:2')

suite('the description is the one Flux gives', () => {
  const cases: [string, FluxEvent, string][] = [
    ['a message wins', syncEvent([API], {}, { message: 'as I say' }), 'as I say'],
    ['sync without anything', syncEvent(), 'Sync: <no revision>, no workloads changed'],
    ['sync of one commit', syncEvent([API], { commits: commits('810c2e6f22') }), `Sync: 810c2e6, ${API}`],
    [
      'sync of two commits',
      syncEvent([API], { commits: commits('2222222a', '1111111a') }),
      `Sync: 2222222, ${API}`,
    ],
    [
      'sync of three commits, ids sorted',
      syncEvent([WEB, API], { commits: commits('3333333a', '2222222a', '1111111a') }),
      `Sync: 1111111..3333333, ${API}, ${WEB}`,
    ],
    ['a short revision', syncEvent([], { commits: commits('123456') }), 'Sync: 123456, no workloads changed'],
    ['commit', commitEvent([WEB, API]), `Commit: a1b2c3d, ${API}, ${WEB}`],
    ['commit of nothing', commitEvent(), 'Commit: a1b2c3d, <no changes>'],
    ['release', releaseEvent([API], { results: counted(bump) }), `Released: acme/api:2 to ${API}`],
    [
      'release with cause',
      releaseEvent([API], { results: counted(bump), ...cause('alice', 'say "hi"\n\u0001é\u200b') }),
      `Released: acme/api:2 to ${API}, by alice, with message "say \\"hi\\"\\n\\x01é\\u200b"`,
    ],
    ['release of nothing', releaseEvent(), 'Released: no image changes to no workloads'],
    [
      'release to all',
      releaseEvent([API, WEB], { allWorkloads: true, results: counted(failed(API, 'x')) }),
      'Released: no image changes to all workloads',
    ],
    [
      'autorelease',
      releaseEvent([API], { kind: 'autorelease', results: counted(bump) }),
      'Automated release of acme/api:2',
    ],
    [
      'autorelease of nothing',
      releaseEvent([], { kind: 'autorelease' }),
      'Automated release of no image changes',
    ],
    ['automate', fluxEvent({ type: 'automate', serviceIDs: counted(WEB, API) }), `Automated: ${API}, ${WEB}`],
    ['deautomate', fluxEvent({ type: 'deautomate', serviceIDs: counted(API) }), `Deautomated: ${API}`],
    ['lock', fluxEvent({ type: 'lock', serviceIDs: counted(API) }), `Locked: ${API}`],
    ['unlock', fluxEvent({ type: 'unlock', serviceIDs: counted(API) }), `Unlocked: ${API}`],
    [
      'update_policy',
      fluxEvent({ type: 'update_policy', serviceIDs: counted(API) }),
      `Updated policies: ${API}`,
    ],
    ['anything else', fluxEvent({ type: 'toString' }), 'Unknown event: toString'],
  ]
  test.each(cases)('%s', (_, event, expected) => expect(describe(event)).toBe(expected))
})

suite('of lists that were cut', () => {
  test('the number of what is missing is told', () => {
    const event = syncEvent([], { commits: { ...commits('3333333a', '2222222a'), total: 5000 } })
    expect(describe({ ...event, serviceIDs: { items: [WEB, API], total: 10_000 } })).toBe(
      `Sync: 3333333 and 4999 before it, ${API}, ${WEB} and 9998 more`,
    )
  })
})

test('describing does not reorder the event', () => {
  const event = syncEvent([WEB, API])
  describe(event)
  expect(event.serviceIDs.items).toEqual([WEB, API])
})
