import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A console with one script, in place of a build, for tests of what is beside it. */
export function consoleFolder(): { readonly folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'flagstaff-console-'))
  mkdirSync(join(folder, 'assets'))
  writeFileSync(join(folder, 'index.html'), '<!doctype html><script src="/console/assets/main-AB12.js"></script>')
  writeFileSync(join(folder, 'frame.html'), '')
  writeFileSync(join(folder, 'assets/main-AB12.js'), '')
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
