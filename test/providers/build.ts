import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buildOnce, type CachedBuild, cacheFolder, makeVenv, outputOf, runTool } from '../support/cached-build.ts'

export type Language = 'python' | 'go' | 'java' | 'rust' | 'javascript'
export const LANGUAGES: readonly Language[] = ['python', 'go', 'java', 'rust', 'javascript']

/** How a program is built from its folder into `output`, and the command that runs it. */
type Recipe = Pick<CachedBuild, 'tools' | 'built' | 'make'> & {
  readonly command: (source: string, output: string) => readonly string[]
}

const CACHE = cacheFolder('flagstaff-providers')
const NODE = join(import.meta.dirname, '../../node_modules/.bin/node')

const RECIPES: Readonly<Record<Language, Recipe>> = {
  python: {
    tools: ['python3'],
    built: /requirements\.txt$/,
    make: makeVenv,
    command: (source, output) => [join(output, 'bin/python'), join(source, 'main.py')],
  },
  go: {
    tools: ['go'],
    make: async (source, output) => {
      await runTool('go', ['build', '-mod=readonly', '-o', join(output, 'program'), '.'], { cwd: source })
    },
    command: (_, output) => [join(output, 'program')],
  },
  java: {
    tools: ['java', 'javac', 'mvn'],
    make: async (source, output) => {
      const goals = ['compile', 'dependency:copy-dependencies']
      await runTool('mvn', ['-q', '-B', `-Doutput=${output}`, ...goals], { cwd: source })
    },
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
      await runTool('cargo', ['build', '--locked', '--quiet', '--target-dir', target], { cwd: source })
      await copyFile(join(target, 'debug/flagstaff-providers'), join(output, 'program'))
    },
    command: (_, output) => [join(output, 'program')],
  },
  javascript: { tools: [], make: async () => undefined, command: (source) => [NODE, join(source, 'main.ts')] },
}

/** The command that runs the program of a language, or the reason why this machine has none. */
export function programOf(language: Language): { command: readonly string[] } | { missing: string } {
  const build = buildOf(language)
  const found = outputOf(CACHE, build, 'providers')
  return 'missing' in found ? found : { command: RECIPES[language].command(build.source, found.output) }
}

/** Builds the programs whose tools this machine has. Cargo uses both cores for long; the others mostly wait for downloads. */
async function buildAll(): Promise<void> {
  const others = LANGUAGES.filter((language) => language !== 'rust')
  const buildOthers = async () => {
    for (const language of others) await buildOnce(CACHE, buildOf(language))
  }
  await Promise.all([buildOnce(CACHE, buildOf('rust')), buildOthers()])
}

const buildOf = (language: Language): CachedBuild => ({
  name: language,
  source: join(import.meta.dirname, language),
  ...RECIPES[language],
})

if (import.meta.main) await buildAll()
