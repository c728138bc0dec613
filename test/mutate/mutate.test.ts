import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { RUNTIME } from '../support/process.ts'

const ROOT = join(import.meta.dirname, '../..')
const REQUESTS = 4_000
const SEED = 20_261_129
const LIMIT_MS = 100_000

// The long form is npm run mutate. The client is the same program for both runtimes, and runs on Node.
test(`${REQUESTS} mutated requests: no 500, no connection that stays open, and valid requests are served meanwhile`, async () => {
  const args = ['test/mutate/mutate.ts', `--requests=${REQUESTS}`, `--seed=${SEED}`, `--${RUNTIME}`]
  const { stdout } = await promisify(execFile)(join(ROOT, 'node_modules/.bin/node'), args, {
    cwd: ROOT,
    timeout: LIMIT_MS,
  })
  assert.match(stdout, new RegExp(`${RUNTIME}: \\d{4,} requests`))
})
