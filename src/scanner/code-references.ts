import { KeyFinder } from './find-keys.ts'
import { readCommit, scanWorkingTree } from './working-tree.ts'

export type CodeReferenceScan = {
  /** Of the service, such as https://flags.example.com. */
  readonly url: string
  /** A key of an editor of the project. */
  readonly apiKey: string
  readonly project: string
  readonly folder: string
  readonly repository: string
  /** Undefined: the branch that is checked out. */
  readonly branch: string | undefined
  /** Whether lines of source are sent. */
  readonly withText: boolean
  readonly dryRun: boolean
}

const REQUEST_MS = 60_000
const PAGE = 1_000

/** Scans a git working tree for the keys of a project's flags and reports what it found. Returns a summary for people. */
export async function reportCodeReferences(scan: CodeReferenceScan): Promise<string> {
  const { project, folder, repository, withText } = scan
  const base = new URL(`api/v1/projects/${encodeURIComponent(project)}/`, secureUrl(scan.url))
  const finder = new KeyFinder(await listKeys(base, scan.apiKey))
  const commit = await readCommit(folder)
  const branch = scan.branch ?? commit.branch
  if (branch === 'HEAD') throw new Error('Cannot tell the branch: no branch is checked out. Name it with --branch')
  const { references, files, skipped } = await scanWorkingTree(folder, finder, { withText })
  const flags = new Set(references.map(({ flag }) => flag)).size
  const found = `${references.length} references to ${flags} flags in ${files} files (${skipped} left out)`
  const unsearchable = finder.unsearchable.map((key) => `not searchable: ${key}`)
  if (scan.dryRun)
    return [...references.map(({ flag, path, line }) => `${path}:${line}: ${flag}`), ...unsearchable, found].join('\n')
  await call(new URL(`code-references/${encodeURIComponent(repository)}`, base), scan.apiKey, {
    method: 'PUT',
    body: JSON.stringify({ ...commit, branch, references }),
  })
  return [...unsearchable, `${found}; reported for ${branch} at ${commit.commit.slice(0, 12)}`].join('\n')
}

/** A key must not be sent in clear text, except to this machine. */
function secureUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text.endsWith('/') ? text : `${text}/`) : undefined
  const isLocal = url && /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname)
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal)) return url
  throw new Error(`Cannot use "${text}": expected an https:// URL`)
}

async function listKeys(base: URL, apiKey: string): Promise<string[]> {
  const keys: string[] = []
  for (let after: string | null = ''; after !== null; ) {
    const page = await call(new URL(`flags?limit=${PAGE}&after=${encodeURIComponent(after)}`, base), apiKey)
    const { items, next } = page as { items: { key: string }[]; next: string | null }
    keys.push(...items.map(({ key }) => key))
    after = next
  }
  return keys
}

async function call(url: URL, apiKey: string, init: RequestInit = {}): Promise<unknown> {
  const response = await fetch(url, {
    ...init,
    headers: { 'x-api-key': apiKey, 'content-type': 'application/json' },
    redirect: 'error',
    signal: AbortSignal.timeout(REQUEST_MS),
  }).catch((cause: unknown) => {
    throw new Error(`Cannot reach ${url.origin}: ${cause instanceof Error ? cause.message : cause}`, { cause })
  })
  const body: unknown = await response.json().catch(() => undefined)
  if (response.ok) return body
  const { detail } = (body ?? {}) as { detail?: string }
  throw new Error(`${url.origin} answered ${response.status}${detail === undefined ? '' : `: ${detail}`}`)
}
