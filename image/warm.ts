// Runs the service of an image once, without a database, so that Node stores the compiled code of a start, of first evaluations, and of the
// app that is loaded with the first request for anything else. Writes beside it of what Node is made, for image/sbom.ts.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'

const [, , program = '', cache = ''] = process.argv
const KEY = 'a-key-that-opens-nothing-but-this-run'
const nowhere = { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none', REDIS_URL: 'redis://127.0.0.1:1' }
const env = {
  ...process.env,
  ...nowhere,
  NODE_COMPILE_CACHE: cache,
  FLAGSTAFF_ADMIN_KEY: KEY,
  HOST: '127.0.0.1',
  PORT: '0',
  LOG_LEVEL: 'info',
}
// By default V8 draws the hashes of symbols at random, and they would be in the cache. The seed is no part of what makes a cache valid.
const service = spawn(process.execPath, ['--random-seed=1', program], { env, stdio: ['ignore', 'pipe', 'inherit'] })
writeFileSync(join(dirname(program), 'versions.json'), JSON.stringify(process.versions))
const ended = once(service, 'exit')

for await (const line of createInterface(service.stdout)) {
  const { message, port } = JSON.parse(line)
  if (message !== 'Listening') continue
  const address = `http://127.0.0.1:${port}`
  const question = { method: 'POST', headers: { authorization: `Bearer ${KEY}` }, body: '{"context":{}}' }
  for (const [path, init] of [
    ['/readyz'],
    ['/ofrep/v1/evaluate/flags/a', question],
    ['/ofrep/v1/evaluate/flags', question],
    ['/nothing'],
  ] as const)
    await (await fetch(`${address}${path}`, init)).text()
  service.kill('SIGTERM')
}
const [code] = await ended
process.exit(code ?? 1)
