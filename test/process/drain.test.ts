import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { sql } from 'drizzle-orm'
import { buildProgram } from '../support/build.ts'
import { KINDS, Load, STREAMS_HELD } from '../support/load.ts'
import { kill, type Running, startService } from '../support/process.ts'
import { request } from '../support/replicas.ts'
import { openStore, type Store } from '../support/store.ts'

// Each shutdown is of a fresh process under load from all kinds of clients; test/support/load.ts defines when a request counts as
// accepted.

const STOPS = Number(process.env['DRAIN_STOPS'] ?? 50)
/** Shutdowns of one test, so that each test stays far below its time limit. */
const BATCH = 10
/** Responses before the signal, plus a random number up to this one, so that the signal comes at any moment. */
const ANSWERS_MIN = 150
const ANSWERS_SPREAD = 150
const DRAIN_MS = 8_000
const ADMIN_KEY = randomBytes(24).toString('base64url')
const FLAG = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }

const program = buildProgram()
const running = new Set<Running>()
let store: Store
let key = ''
let evaluations = 0
before(async () => {
  store = await openStore()
  const service = await start()
  const make = async (method: string, path: string, body: object) =>
    (await request(service.address, ADMIN_KEY, { method, path: `/api/v1${path}`, body })).body
  await make('POST', '/projects', { key: 'p' })
  await make('POST', '/projects/p/environments', { key: 'e' })
  await make('PUT', '/projects/p/environments/e/flags/a', FLAG)
  const environment = { project: 'p', environment: 'e' }
  key = (await make('POST', '/keys', { name: 'load', role: 'server', environment })).secret
  await kill(service)
})
after(async () => {
  await Promise.all([...running].map(kill))
  await store.close()
  program.remove()
})

async function start(): Promise<Running> {
  const service = await startService({ DATABASE_URL: store.url, FLAGSTAFF_ADMIN_KEY: ADMIN_KEY }, program)
  running.add(service)
  return service
}

/** Loads a replica, stops it under load, and checks that nothing is lost. */
async function stopUnderLoad(service: Running): Promise<void> {
  const { address, grpcPort, child, ended, output } = service
  const load = new Load({ port: Number(new URL(address).port), grpcPort, key, random: Math.random })
  await load.reaches(ANSWERS_MIN + Math.random() * ANSWERS_SPREAD)
  const begin = performance.now()
  child.kill('SIGTERM')
  const end = await ended
  const ms = performance.now() - begin
  await load.over()
  evaluations += load.evaluations
  running.delete(service)
  const report = `${JSON.stringify(Object.fromEntries(load.answered))} ${output()}`
  assert.deepEqual(load.lost, [], report)
  assert.deepEqual(end, { code: 0, signal: null }, report)
  assert.ok(ms < DRAIN_MS && !/Cutting|Gave up|failed/.test(output()), `${ms} ms: ${report}`)
  assert.ok(load.streamsEnded >= STREAMS_HELD, `${load.streamsEnded} streams: ${report}`)
  for (const kind of KINDS) assert.ok((load.answered.get(kind) ?? 0) > 0, `${kind}: ${report}`)
}

for (let first = 1; first <= STOPS; first += BATCH) {
  const last = Math.min(first + BATCH - 1, STOPS)
  test(`SIGTERM under load, ${first} to ${last} of ${STOPS}: no accepted request is lost, and streams end in protocol`, async () => {
    let next = start()
    for (let n = first; n <= last; n += 1) {
      const service = await next
      if (n < last) next = start() // during the load and shutdown of this one
      await stopUnderLoad(service)
    }
    const { rows } = await store.database.read((db) =>
      db.execute<{ n: number }>(sql`select sum(count)::int as n from flagstaff.usage`),
    )
    assert.equal(rows[0]?.n, evaluations, 'every answer is counted')
  })
}
