import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { kill, type Program, runProgram, startService } from '../support/process.ts'
import { startProxy } from '../support/proxy.ts'
import { evaluate, request } from '../support/replicas.ts'
import { openStore, type Store } from '../support/store.ts'

const ADMIN_KEY = 'admin-key-for-tests-only-0123456789'
const NOWHERE = 'postgres://nobody:hush@127.0.0.1:1/none'
const PROBE_MS = 50
const programs: Program[] = []
after(async () => {
  await Promise.all(programs.map(kill))
})

test('a signal while the program is still loading ends it in order', async () => {
  const env = { DATABASE_URL: NOWHERE, FLAGSTAFF_ADMIN_KEY: ADMIN_KEY, PORT: '0', HOST: '127.0.0.1' }
  const begin = performance.now()
  await runProgram('test/support/nothing.ts', {}).ended
  const runtimeMs = performance.now() - begin
  const first = await startService(env, { file: 'image/flagstaff.ts' })
  programs.push(first)
  const startMs = performance.now() - begin - runtimeMs
  const second = runProgram('image/flagstaff.ts', env)
  programs.push(second)
  // No event marks the end of the runtime's own start: half of the time after it is spent on our sources.
  await sleep(runtimeMs + (startMs - runtimeMs) / 2)
  assert.doesNotMatch(second.output(), /Listening/, 'it came early enough')
  second.child.kill('SIGTERM')
  assert.deepEqual(await second.ended, { code: 0, signal: null }, second.output())
  assert.match(second.output(), /"message":"Stopped","code":0/)
})

test('without Postgres and Redis it listens and reports what is missing, and serves as soon as Postgres is available', async () => {
  const store = await openStore()
  const { hostname, port } = new URL(store.url)
  const proxy = await startProxy({ host: hostname, port: Number(port) })
  proxy.set('refused')
  const behind = new URL(store.url)
  behind.port = String(proxy.port)
  const env = { DATABASE_URL: behind.href, REDIS_URL: 'redis://127.0.0.1:1', FLAGSTAFF_ADMIN_KEY: ADMIN_KEY }
  const service = await startService(env)
  programs.push(service)
  const get = (path: string) => request(service.address, ADMIN_KEY, { method: 'GET', path })
  assert.equal((await get('/livez')).status, 200)
  assert.deepEqual(await get('/readyz'), {
    status: 503,
    body: { status: 'starting', reason: 'The database cannot be used right now' },
  })
  assert.equal(await evaluate(service.address, ADMIN_KEY), 503)
  assert.equal((await get('/api/v1/projects')).status, 503)
  assert.equal((await get('/openapi.json')).status, 200, 'what needs neither is there')

  proxy.set('open')
  while ((await get('/readyz')).status !== 200) await sleep(PROBE_MS) // as a platform does
  const make = (path: string, body: object) => request(service.address, ADMIN_KEY, { method: 'POST', path, body })
  assert.equal((await make('/api/v1/projects', { key: 'p' })).status, 201)
  assert.equal((await make('/api/v1/projects/p/environments', { key: 'e' })).status, 201)
  assert.equal(await evaluate(service.address, ADMIN_KEY, 'none'), 404, 'Redis is not needed')

  service.child.kill('SIGTERM')
  assert.deepEqual(await service.ended, { code: 0, signal: null }, service.output())
  await proxy.close()
  await store.close()
})

test('a migration that fails is one clear line and an exit code', async () => {
  const store = await openStore()
  const older = new URL(store.url)
  older.pathname = '/no_such_database'
  for (const [DATABASE_URL, sentence] of [
    [NOWHERE, /^Cannot run "migrate": [^\n]*ECONNREFUSED[^\n]*\n$/],
    [older.href, /^Cannot run "migrate": [^\n]*"no_such_database" does not exist\n$/],
    [await halfMigrated(store), /^Cannot run "migrate": [^\n]*already exists\n$/],
  ] as const) {
    const program = runProgram('src/cli.ts', { DATABASE_URL }, { args: ['migrate'] })
    programs.push(program)
    assert.deepEqual(await program.ended, { code: 1, signal: null }, program.output())
    assert.match(program.output(), sentence)
    assert.ok(!program.output().includes('hush'))
  }
  await store.close()
})

/** A database with our tables but without the record of migrations: its migrations fail in the middle. */
async function halfMigrated({ url, database }: Store): Promise<string> {
  await database.write((db) => db.execute(sql`delete from flagstaff.migrations`))
  return url
}
