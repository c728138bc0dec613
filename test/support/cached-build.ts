import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

/** How something is built from a folder of sources into a folder `output` below the cache. */
export type CachedBuild = {
  readonly name: string
  readonly source: string
  readonly tools: readonly string[]
  /** The files that the build depends on; by default all. */
  readonly built?: RegExp
  readonly make: (source: string, output: string) => Promise<void>
}

const BUILD_MS = 30 * 60_000

/** A folder outside of the checkout, so that a new clone can use earlier builds. */
export const cacheFolder = (name: string): string =>
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), name)

/** The folder of a finished build, or the reason why this machine has none; `script` builds it. */
export function outputOf(cache: string, build: CachedBuild, script: string): { output: string } | { missing: string } {
  const missing = build.tools.filter((tool) => !isInstalled(tool))
  if (missing.length > 0) return { missing: `this machine has no ${missing.join(', ')}` }
  const output = placeOf(cache, build)
  return existsSync(markOf(output)) ? { output } : { missing: `it is not built: npm run ${script}` }
}

/** Builds, unless a tool is missing or the same sources were built before. */
export async function buildOnce(cache: string, build: CachedBuild): Promise<void> {
  const output = placeOf(cache, build)
  if (existsSync(markOf(output)) || !build.tools.every(isInstalled)) return
  const started = performance.now()
  await rm(output, { recursive: true, force: true })
  await mkdir(output, { recursive: true })
  await build.make(build.source, output)
  await writeFile(markOf(output), '')
  process.stdout.write(`built ${build.name} in ${((performance.now() - started) / 1_000).toFixed(0)} s\n`)
}

/** Runs a tool of a build to its end and returns its standard output. Rejects if it fails. */
export async function runTool(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string } = {},
): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { ...options, timeout: BUILD_MS, maxBuffer: 2 ** 26 })
  return stdout
}

/** Creates a virtual environment of Python in `output` with the packages of `requirements.txt`. */
export async function makeVenv(source: string, output: string): Promise<void> {
  await runTool('python3', ['-m', 'venv', output])
  await runTool(join(output, 'bin/pip'), ['install', '--quiet', '--no-deps', '-r', join(source, 'requirements.txt')])
}

const isInstalled = (tool: string): boolean =>
  (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, tool)))

const placeOf = (cache: string, { name, source, built }: CachedBuild): string =>
  join(cache, `${name}-${hashOf(source, built)}`)
const markOf = (output: string): string => join(output, 'built')

function hashOf(folder: string, built = /./): string {
  const hash = createHash('sha256')
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  for (const file of files.filter((file) => built.test(file)).sort())
    hash.update(file.slice(folder.length)).update(readFileSync(file))
  return hash.digest('hex').slice(0, 16)
}
