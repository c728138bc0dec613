import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
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
  const command = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).scripts['build:node']
  execFileSync('/bin/sh', ['-c', command.replace('--outdir=dist/node', `--outdir=${folder}`)], {
    cwd: ROOT,
    env: { ...process.env, PATH: `${join(ROOT, 'node_modules/.bin')}:${process.env['PATH']}` },
  })
  return { file: join(folder, 'flagstaff.mjs'), remove: () => rmSync(folder, { recursive: true, force: true }) }
}
