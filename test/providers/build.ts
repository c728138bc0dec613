import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

export type Language = 'python' | 'go' | 'java' | 'rust' | 'javascript'
export const LANGUAGES: readonly Language[] = ['python', 'go', 'java', 'rust', 'javascript']

/** How a program is built from its folder into `output`, and the command that runs it. */
type Recipe = {
  readonly tools: readonly string[]
  /** The files that the build depends on; the others are only run. */
  readonly built?: RegExp
  readonly make: (source: string, output: string) => Promise<void>
  readonly command: (source: string, output: string) => readonly string[]
}

/** Outside of the checkout, so that a new clone can use earlier builds. */
const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'flagstaff-providers')
const BUILD_MS = 20 * 60_000
const NODE = join(import.meta.dirname, '../../node_modules/.bin/node')

const RECIPES: Readonly<Record<Language, Recipe>> = {
  python: {
    tools: ['python3'],
    built: /requirements\.txt$/,
    make: async (source, output) => {
      await run('python3', ['-m', 'venv', output])
      await run(join(output, 'bin/pip'), ['install', '--quiet', '--no-deps', '-r', join(source, 'requirements.txt')])
    },
    command: (source, output) => [join(output, 'bin/python'), join(source, 'main.py')],
  },
  go: {
    tools: ['go'],
    make: (source, output) =>
      run('go', ['build', '-mod=readonly', '-o', join(output, 'program'), '.'], { cwd: source }),
    command: (_, output) => [join(output, 'program')],
  },
  java: {
    tools: ['java', 'javac', 'mvn'],
    make: (source, output) =>
      run('mvn', ['-q', '-B', `-Doutput=${output}`, 'compile', 'dependency:copy-dependencies'], { cwd: source }),
    // Two cores are shared with the service, so the virtual machine is configured to be small and to compile little.
    command: (_, output) => [
      'java',
      '-XX:TieredStopAtLevel=1',
      '-XX:+UseSerialGC',
      '-cp',
      `${join(output, 'classes')}:${join(output, 'dependency')}/*`,
      'Main',
    ],
  },
  rust: {
    tools: ['cargo', 'protoc'],
    make: async (source, output) => {
      const target = join(CACHE, 'rust-target')
      await run('cargo', ['build', '--locked', '--quiet', '--target-dir', target], { cwd: source })
      await copyFile(join(target, 'debug/flagstaff-providers'), join(output, 'program'))
    },
    command: (_, output) => [join(output, 'program')],
  },
  javascript: { tools: [], make: async () => undefined, command: (source) => [NODE, join(source, 'main.ts')] },
}

/** The command that runs the program of a language, or the reason why this machine has none. */
export function programOf(language: Language): { command: readonly string[] } | { missing: string } {
  const { tools, command } = RECIPES[language]
  const missing = tools.filter((tool) => !isInstalled(tool))
  if (missing.length > 0) return { missing: `this machine has no ${missing.join(', ')}` }
  const { source, output, mark } = placeOf(language)
  return existsSync(mark) ? { command: command(source, output) } : { missing: 'it is not built: npm run providers' }
}

/** Builds the programs whose tools this machine has. Cargo uses both cores for long; the others mostly wait for downloads. */
async function buildAll(): Promise<void> {
  const others = LANGUAGES.filter((language) => language !== 'rust')
  const buildOthers = async () => {
    for (const language of others) await build(language)
  }
  await Promise.all([build('rust'), buildOthers()])
}

/** Builds the program of a language, unless a tool is missing or the same sources were built before. */
async function build(language: Language): Promise<void> {
  const { tools, make } = RECIPES[language]
  const { source, output, mark } = placeOf(language)
  if (existsSync(mark) || !tools.every(isInstalled)) return
  const started = performance.now()
  await rm(output, { recursive: true, force: true })
  await mkdir(output, { recursive: true })
  await make(source, output)
  await writeFile(mark, '')
  process.stdout.write(`built ${language} in ${((performance.now() - started) / 1_000).toFixed(0)} s\n`)
}

function placeOf(language: Language): { source: string; output: string; mark: string } {
  const source = join(import.meta.dirname, language)
  const output = join(CACHE, `${language}-${hashOf(source, RECIPES[language].built)}`)
  return { source, output, mark: join(output, 'built') }
}

const isInstalled = (tool: string): boolean =>
  (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, tool)))

function hashOf(folder: string, built = /./): string {
  const hash = createHash('sha256')
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  for (const file of files.filter((file) => built.test(file)).sort())
    hash.update(file.slice(folder.length)).update(readFileSync(file))
  return hash.digest('hex').slice(0, 16)
}

async function run(program: string, args: readonly string[], options: { cwd?: string } = {}): Promise<void> {
  await promisify(execFile)(program, args, { ...options, timeout: BUILD_MS, maxBuffer: 2 ** 26 })
}

if (import.meta.main) await buildAll()
