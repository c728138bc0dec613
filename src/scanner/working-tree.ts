import { execFile } from 'node:child_process'
import { lstat, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { KeyFinder } from './find-keys.ts'

/** A place that names a flag, as the management API takes it. */
export type FoundReference = {
  readonly flag: string
  readonly path: string
  readonly line: number
  readonly text?: string
}
export type TreeScan = {
  readonly references: readonly FoundReference[]
  /** Files that were read, and those that were left out: too large, binary, or no files. */
  readonly files: number
  readonly skipped: number
}

/** What the checked-out commit is. `branch`: "HEAD" where none is checked out, as in many CI systems. */
export type Commit = { readonly branch: string; readonly commit: string; readonly committedAt: string }

/** Larger files are generated or data. */
const FILE_BYTES_MAX = 1_048_576
/** Names of files that git may list: some 500,000. */
const LIST_BYTES_MAX = 64 * 1_048_576
/** References of one flag that are kept, and of all together; each flag that was found keeps at least one. */
const OF_FLAG_MAX = 100
const REFERENCES_MAX = 50_000
const PATH_LENGTH_MAX = 1_000
const TEXT_LENGTH_MAX = 200
/** git looks for NUL in so many bytes to tell binary files. */
const BINARY_BYTES = 8_000

/** Scans the files of a git working tree that git tracks. `withText` adds the lines of source. */
export async function scanWorkingTree(
  folder: string,
  finder: KeyFinder,
  { withText }: { withText: boolean },
): Promise<TreeScan> {
  const names = (await git(folder, 'ls-files', '-z')).split('\0').filter((name) => name !== '')
  const references: FoundReference[] = []
  let files = 0
  for (const path of names) {
    const source = path.length > PATH_LENGTH_MAX ? undefined : await readSource(join(folder, path))
    if (source === undefined) continue
    files += 1
    for (const { key, line, text } of finder.find(source))
      references.push({
        flag: key,
        path,
        line,
        ...(withText && { text: text.slice(0, TEXT_LENGTH_MAX).toWellFormed() }),
      })
  }
  return { references: limited(references), files, skipped: names.length - files }
}

export async function readCommit(folder: string): Promise<Commit> {
  const [commit = '', committedAt = ''] = (await git(folder, 'log', '-1', '--format=%H %cI')).trim().split(' ')
  return { branch: (await git(folder, 'rev-parse', '--abbrev-ref', 'HEAD')).trim(), commit, committedAt }
}

async function git(folder: string, ...args: string[]): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('git', ['-C', folder, ...args], { maxBuffer: LIST_BYTES_MAX })
    return stdout
  } catch (cause) {
    throw new Error(`Cannot read the git working tree "${folder}": git ${args[0]} failed`, { cause })
  }
}

/** The text of a file; undefined for a link, a submodule, a deleted, large or binary file. */
async function readSource(file: string): Promise<string | undefined> {
  const stats = await lstat(file).catch(() => undefined)
  if (!stats?.isFile() || stats.size > FILE_BYTES_MAX) return undefined
  const bytes = await readFile(file)
  return bytes.subarray(0, BINARY_BYTES).includes(0) ? undefined : bytes.toString('utf8')
}

/** So few references of each flag that all together are not too many: a flag that is left out would look unused. */
function limited(references: readonly FoundReference[]): FoundReference[] {
  for (let max = OF_FLAG_MAX; ; max = Math.ceil(max / 2)) {
    const counts = new Map<string, number>()
    const kept = references.filter(({ flag }) => {
      const count = (counts.get(flag) ?? 0) + 1
      counts.set(flag, count)
      return count <= max
    })
    if (kept.length <= REFERENCES_MAX || max === 1) return kept
  }
}
