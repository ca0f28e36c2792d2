import { describe, expect, test } from 'vitest'
import type { LinkStyle } from '../../../src/config.ts'
import { createLinks } from '../../../src/message/links.ts'

const REVISION = 'a1b2c3d4e5f60718293a4b5c6d7e8f9001122334'
const link = (repository: string, style: LinkStyle = 'auto', revision = REVISION) =>
  createLinks({ repository, style }).commit(revision)

describe('the host says how its links look', () => {
  test.each([
    ['https://github.com/acme/deploy', 'https://github.com/acme/deploy/commit/'],
    ['https://github.com/acme/deploy/', 'https://github.com/acme/deploy/commit/'],
    ['https://github.com/acme/deploy.git', 'https://github.com/acme/deploy/commit/'],
    ['https://github.com/acme/deploy.git//?tab=x#y', 'https://github.com/acme/deploy/commit/'],
    ['https://github.acme.example/a/b', 'https://github.acme.example/a/b/commit/'],
    ['https://gitlab.com/acme/sub/deploy', 'https://gitlab.com/acme/sub/deploy/-/commit/'],
    ['https://GitLab.example.com:8443/a/b', 'https://gitlab.example.com:8443/a/b/-/commit/'],
    ['https://bitbucket.org/acme/deploy', 'https://bitbucket.org/acme/deploy/commits/'],
    ['https://git.example/projects/A/repos/b/browse', 'https://git.example/projects/A/repos/b/commits/'],
    ['https://git.example/users/al/repos/b/', 'https://git.example/users/al/repos/b/commits/'],
    [
      'https://bitbucket.example/x/scm/ops/deploy.git',
      'https://bitbucket.example/x/projects/ops/repos/deploy/commits/',
    ],
    ['https://dev.azure.com/o/p/_git/r', 'https://dev.azure.com/o/p/_git/r/commit/'],
    ['https://o.visualstudio.com/p/_git/r', 'https://o.visualstudio.com/p/_git/r/commit/'],
    ['https://tfs.example/tfs/c/p/_git/r', 'https://tfs.example/tfs/c/p/_git/r/commit/'],
    ['https://codeberg.org/a/b', 'https://codeberg.org/a/b/commit/'],
    ['https://gitea.example/a/b', 'https://gitea.example/a/b/commit/'],
    ['https://forgejo.example/a/b', 'https://forgejo.example/a/b/commit/'],
    ['https://code.example/a/b', 'https://code.example/a/b/commit/'],
  ])('%s', (repository, expected) => expect(link(repository)).toBe(expected + REVISION))
})

describe('unless LINK_STYLE says it', () => {
  test.each<[LinkStyle, string]>([
    ['github', '/commit/'],
    ['gitlab', '/-/commit/'],
    ['bitbucket', '/commits/'],
    ['bitbucket-server', '/commits/'],
    ['azure', '/commit/'],
    ['gitea', '/commit/'],
  ])('%s', (style, path) =>
    expect(link('https://code.example/a/b', style)).toBe(`https://code.example/a/b${path}${REVISION}`),
  )
})

test('without a repository nothing is linked', () => expect(link('')).toBe(''))

test.each(['', 'HEAD', 'abc', '../../evil', 'a1b2c3d?x', 'a1b2c3d\n', '<script>', 'a'.repeat(65)])(
  'no link for %j, which is no revision',
  (revision) => expect(link('https://github.com/acme/deploy', 'auto', revision)).toBe(''),
)
