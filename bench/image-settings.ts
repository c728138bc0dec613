import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Runtime } from '../test/support/process.ts'

const CONTAINERFILE = readFileSync(join(import.meta.dirname, '../Containerfile'), 'utf8')

/** The runtime settings of the image, for the service and for the servers that it is compared with. */
export const IMAGE_SETTINGS: Readonly<Record<Runtime, Readonly<Record<string, string>>>> = {
  bun: Object.fromEntries(
    [...CONTAINERFILE.matchAll(/\b(BUN_JSC_\w+)=(\w+)/g)].map(([, name, value]) => [name, value]),
  ),
  node: {},
}
