import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { env, stderr } from 'node:process'
import { test } from 'node:test'

const { CONFORMANCE = '../shared/conformance' } = env
/** Where the data lies that this project did not write, from the root of the repository. */
const FOLDER = resolve(import.meta.dirname, '../..', CONFORMANCE)

/**
 * Runs `define`, which registers tests that read conformance data. When the data is not there, says so on stderr and
 * registers one skipped test in their place, so that nobody takes silence for success.
 */
export function withConformance(title: string, define: () => void): void {
  if (existsSync(FOLDER)) {
    define()
    return
  }
  stderr.write(`LEFT OUT: ${title}: ${FOLDER} not found (set CONFORMANCE to the folder of conformance data)\n`)
  test(title, { skip: `left out: ${FOLDER} not found` }, () => undefined)
}

/** The text of a file of conformance data. */
export function readText(path: string): string {
  return readFileSync(resolve(FOLDER, path), 'utf8')
}

/** The value of a JSON file of conformance data. */
export function readJson(path: string): unknown {
  return JSON.parse(readText(path))
}

/** The names of the files in a folder of conformance data that end in `extension`. */
export function listFiles(path: string, extension: string): string[] {
  return readdirSync(resolve(FOLDER, path)).filter((name) => name.endsWith(extension))
}
