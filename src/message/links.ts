import type { LinkConfig, LinkStyle } from '../config.ts'
import { looksLikeRevision } from '../flux/revision.ts'

/** Finds the web pages of what a message names. */
export interface Links {
  /** The page of a commit, an absolute http(s) URL; empty when there is none to point at. */
  commit(revision: string): string
}

type KnownStyle = Exclude<LinkStyle, 'auto'>

/**
 * What stands between the repository's page and the revision:
 * https://docs.gitlab.com/development/routing/ (`/-/`),
 * https://support.atlassian.com/bitbucket-cloud/docs/repository-links/,
 * https://learn.microsoft.com/azure/devops/repos/git/commit-details
 */
const COMMIT_PATHS: Readonly<Record<KnownStyle, string>> = {
  github: '/commit/',
  gitlab: '/-/commit/',
  bitbucket: '/commits/',
  'bitbucket-server': '/commits/',
  azure: '/commit/',
  gitea: '/commit/',
}

/** Links into the repository whose page `config` names; without one, no message carries links. */
export function createLinks({ repository, style }: LinkConfig): Links {
  if (!URL.canParse(repository)) return { commit: () => '' }
  const page = new URL(repository)
  const known = style === 'auto' ? styleOf(page) : style
  const root = page.origin + repositoryPath(page.pathname, known)
  return {
    // Only revisions are linked: whatever else stands in an event would be a dead link, or one of its own making.
    commit: (revision) =>
      looksLikeRevision(revision) ? root + COMMIT_PATHS[known] + encodeURIComponent(revision) : '',
  }
}

/** By the host's name, which for most of those who host it themselves says what it runs (`gitlab.example.com`). */
function styleOf({ hostname, pathname }: URL): KnownStyle {
  if (hostname === 'bitbucket.org') return 'bitbucket'
  if (/\/(projects|users)\/[^/]+\/repos\/[^/]+/.test(pathname)) return 'bitbucket-server'
  if (hostname === 'dev.azure.com' || hostname.endsWith('.visualstudio.com')) return 'azure'
  if (pathname.includes('/_git/')) return 'azure'
  if (hostname === 'codeberg.org' || /gitea|forgejo/.test(hostname)) return 'gitea'
  if (hostname.includes('gitlab')) return 'gitlab'
  if (hostname.includes('bitbucket')) return 'bitbucket-server'
  return 'github'
}

/** The path of the repository's page, whether `pathname` is that or the one to clone from. */
function repositoryPath(pathname: string, style: KnownStyle): string {
  const path = pathname.replace(/\/+$/, '').replace(/\.git$/, '')
  if (style !== 'bitbucket-server') return path
  // The page of what is cloned from /scm/project/repository is elsewhere.
  return path
    .replace(/\/scm\/([^/]+)\/([^/]+)$/, '/projects/$1/repos/$2')
    .replace(/(\/repos\/[^/]+)\/browse$/, '$1')
}
