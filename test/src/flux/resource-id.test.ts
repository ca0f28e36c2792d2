import { describe, expect, test } from 'vitest'
import { describeResourceId, parseResourceId } from '../../../src/flux/resource-id.ts'

describe('resource ids are read loosely', () => {
  test.each([
    ['default:deployment/api', { namespace: 'default', kind: 'deployment', name: 'api' }],
    ['default:Deployment/api', { namespace: 'default', kind: 'deployment', name: 'api' }],
    ['<cluster>:namespace/team-a', { namespace: '<cluster>', kind: 'namespace', name: 'team-a' }],
    ['<cluster>:namespace/', { namespace: '<cluster>', kind: 'namespace', name: '' }],
    ['a:clusterrole/system:node/x', { namespace: 'a', kind: 'clusterrole', name: 'system:node/x' }],
    ['default/api', { namespace: 'default', kind: 'service', name: 'api' }],
    [':/', { namespace: '', kind: '', name: '' }],
    ['', undefined],
    ['api', undefined],
    ['/api', undefined],
    ['a/b/c', undefined],
  ])('%j', (id, expected) => expect(parseResourceId(id)).toEqual(expected))
})

test('an empty id is told in words', () => {
  expect(describeResourceId(' ')).toBe('a resource without a name')
  expect(describeResourceId('<cluster>:namespace/')).toBe('<cluster>:namespace/')
})
