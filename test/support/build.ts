import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RUNTIME } from './process.ts'

const ROOT = join(import.meta.dirname, '../..')

/**
 * A program that starts as fast as an image, for tests that start it many times: on Node the bundle of `npm run build:node`, which needs a
 * fifth of the time of the sources; on Bun the sources themselves.
 */
export function buildProgram(): { readonly file: string; remove(): void } {
  if (RUNTIME === 'bun') return { file: 'image/flagstaff.ts', remove: () => undefined }
  const folder = mkdtempSync(join(tmpdir(), 'flagstaff-built-'))
  execFileSync(process.execPath, [join(ROOT, 'image/build-node.ts'), folder], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  return { file: join(folder, 'flagstaff.mjs'), remove: () => rmSync(folder, { recursive: true, force: true }) }
}
