import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { env, stderr } from 'node:process'
import { test } from 'node:test'

const { CONFORMANCE = '../shared/conformance' } = env
/** Folder of third-party test data, from the root of the repository. */
const FOLDER = resolve(import.meta.dirname, '../..', CONFORMANCE)

/**
 * Runs `define`, which registers tests that read conformance data. If the data is missing, prints that on stderr and registers one skipped
 * test instead, so that missing tests are not mistaken for success.
 */
export function withConformance(title: string, define: () => void): void {
  if (existsSync(FOLDER)) {
    define()
    return
  }
  stderr.write(`LEFT OUT: ${title}: ${FOLDER} not found (set CONFORMANCE to the folder of conformance data)\n`)
  test(title, { skip: `left out: ${FOLDER} not found` }, () => undefined)
}

/** The text of a conformance file. */
export function readText(path: string): string {
  return readFileSync(resolve(FOLDER, path), 'utf8')
}

/** The parsed value of a JSON conformance file. */
export function readJson(path: string): unknown {
  return JSON.parse(readText(path))
}

/** Names of the conformance files in a folder that end in `extension`. */
export function listFiles(path: string, extension: string): string[] {
  return readdirSync(resolve(FOLDER, path))
    .filter((name) => name.endsWith(extension))
    .sort()
}
