// Runs the service of an image once, without a database, so that Node stores the compiled code of a start, of first evaluations, and of the
// app that is loaded with the first request for anything else.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

const [, , program = ''] = process.argv
const KEY = 'a-key-that-opens-nothing-but-this-run'
const nowhere = { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none', REDIS_URL: 'redis://127.0.0.1:1' }
const env = { ...process.env, ...nowhere, FLAGSTAFF_ADMIN_KEY: KEY, HOST: '127.0.0.1', PORT: '0', LOG_LEVEL: 'info' }
const service = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'inherit'] })
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
