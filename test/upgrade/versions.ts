import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A version of the service: the folder with its `src`. */
export type Version = { readonly name: string; readonly folder: string }
export type EarlierVersion = Version & { remove(): void }

const ROOT = join(import.meta.dirname, '../..')
export const THIS_VERSION: Version = { name: 'this version', folder: ROOT }
/** The version before this one until there is a release: before roles of viewers, segments with revisions and the console. */
const BEFORE_RELEASES = '054e5c7753f27823497b4a80ccf7ebd08f784758'
const FILES = ['package.json', 'package-lock.json', '.npmrc', 'src']

/** The newest release before this commit with its packages, in a folder of its own; or the reason why it cannot be had. */
export function earlierVersion(): EarlierVersion | { readonly missing: string } {
  const release = attempt(() => git('describe', '--tags', '--abbrev=0', '--match', 'v[0-9]*', 'HEAD^'))
  const commit = release ?? BEFORE_RELEASES
  if (attempt(() => git('cat-file', '-t', `${commit}^{commit}`)) === undefined)
    return { missing: `this clone has no commit ${commit}; git fetch --unshallow` }
  const folder = mkdtempSync(join(tmpdir(), 'flagstaff-before-'))
  const archive = execFileSync('git', ['archive', commit, ...FILES], { cwd: ROOT, maxBuffer: 2 ** 28 })
  execFileSync('tar', ['-x', '-C', folder], { input: archive })
  if (hasPackagesOf(folder)) symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  else execFileSync('npm', ['ci', '--omit=dev', '--ignore-scripts', '--no-progress'], { cwd: folder, stdio: 'pipe' })
  return { name: release ?? commit.slice(0, 8), folder, remove: () => rmSync(folder, { recursive: true }) }
}

/** Files of a version's folder of migrations. */
export const migrationsOf = ({ folder }: Version): unknown[] =>
  JSON.parse(readFileSync(join(folder, 'src/repository/postgres/migrations/meta/_journal.json'), 'utf8')).entries

type Lock = { readonly packages: Readonly<Record<string, { version?: string; dev?: boolean; optional?: boolean }>> }

/** Whether our `node_modules` has every package that `folder` needs, in the version of its lock file. */
function hasPackagesOf(folder: string): boolean {
  const { packages } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')) as Lock
  return Object.entries(packages).every(([path, { version, dev, optional }]) => {
    const manifest = join(ROOT, path, 'package.json')
    if (path === '' || dev || optional) return true
    return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version === version
  })
}

const git = (...args: string[]): string =>
  execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' }).trim()

function attempt<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}
