import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

export const SRC = join(import.meta.dirname, '../../src')

/**
 * One source file. `imports` are paths below `src` and `packages` are specifiers, including types; `loads` are those of both that load
 * together with the file.
 */
export type Source = {
  readonly file: string
  readonly text: string
  readonly imports: readonly string[]
  readonly packages: readonly string[]
  readonly loads: readonly string[]
}

/** Every source file that is not generated. */
export const sources: readonly Source[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.tsx?$/.test(file) && !file.includes('/gen/'))
  .sort()
  .map((file) => {
    const text = readFileSync(join(SRC, file), 'utf8')
    const named = specifiers(text, /(?:from |import |import\()'([^']+)'/g)
    const loads = specifiers(text, /^(?:import|export)(?! type )[^'(]*'([^']+)'/gm)
    return {
      file,
      text,
      imports: named.filter(isRelative).map((name) => pathOf(file, name)),
      packages: named.filter((name) => !isRelative(name)),
      loads: loads.map((name) => (isRelative(name) ? pathOf(file, name) : name)),
    }
  })

function specifiers(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((match) => match[1] ?? '')
}

function isRelative(name: string): boolean {
  return name.startsWith('.')
}

function pathOf(file: string, name: string): string {
  return relative(SRC, join(SRC, dirname(file), name))
}
