import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { sql } from 'drizzle-orm'
import { kill, type Running, startService } from '../support/process.ts'
import { openStore, type Store } from '../support/store.ts'

const ADMIN_KEY = 'admin-key-for-tests-only-0123456789'
const FLAGS = ['plain', 'ruled', 'broken']
const LOOPS = 12
/** Responses before the signal, so that it comes in the middle of the load. */
const ANSWERS_MIN = 600

let store: Store
let running: Running | undefined
before(async () => {
  store = await openStore()
})
after(async () => {
  if (running) await kill(running)
  await store.close()
})

const start = async () => {
  running = await startService({ DATABASE_URL: store.url, FLAGSTAFF_ADMIN_KEY: ADMIN_KEY })
  return running
}
type Sent = { method: string; path: string; body: unknown; headers?: Record<string, string> }
const send = (address: string, { method, path, body, headers }: Sent) =>
  fetch(`${address}${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })

test('evaluations are counted exactly over shutdowns under load, and cold starts', async () => {
  let answered = 0
  for (const life of [1, 2, 3]) {
    const service = await start()
    if (life === 1) await makeFlags(service.address)
    answered += await loadUntilStopped(service)
    assert.deepEqual(await service.ended, { code: 0, signal: null }, service.output())
    const { rows } = await store.database.read((db) =>
      db.execute<{ n: number }>(sql`select sum(count)::int as n from flagstaff.usage`),
    )
    assert.equal(rows[0]?.n, answered, `life ${life}: ${service.output()}`)
  }
  const service = await start()
  let shown = 0
  for (const flag of FLAGS) {
    const path = `/api/v1/projects/shop/environments/live/flags/${flag}/usage`
    const response = await fetch(`${service.address}${path}`, { headers: { 'x-api-key': ADMIN_KEY } })
    const usage = (await response.json()) as { total: number; lastEvaluatedAt: string }
    assert.ok(Math.abs(Date.now() - Date.parse(usage.lastEvaluatedAt)) < 60_000)
    shown += usage.total
  }
  assert.equal(shown, answered)
  service.child.kill('SIGTERM')
  assert.equal((await service.ended).code, 0)
})

test('a shutdown without a database is as clean, and the log has the number of uncounted evaluations', async () => {
  const gone = await openStore()
  running = await startService({ DATABASE_URL: gone.url, FLAGSTAFF_ADMIN_KEY: ADMIN_KEY })
  await makeFlags(running.address)
  for (let n = 0; n < 5; n += 1) {
    const path = '/ofrep/v1/evaluate/flags'
    const headers = { 'flagd-selector': 'flagSetId=shop/live' }
    const { status } = await send(running.address, { method: 'POST', path, body: {}, headers })
    assert.equal(status, 200)
  }
  await gone.close()
  running.child.kill('SIGTERM')
  assert.deepEqual(await running.ended, { code: 0, signal: null }, running.output())
  assert.match(
    running.output(),
    /"message":"Cannot store the usage: these evaluations stay uncounted","evaluations":15,/,
  )
})

async function makeFlags(address: string): Promise<void> {
  const flag = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }
  const halves = [
    ['on', 1],
    ['off', 1],
  ]
  const flags = {
    plain: flag,
    ruled: { ...flag, targeting: { fractional: halves } },
    broken: { ...flag, targeting: { var: 'variant' } },
  }
  const projects = '/api/v1/projects'
  await send(address, { method: 'POST', path: projects, body: { key: 'shop' } })
  await send(address, { method: 'POST', path: `${projects}/shop/environments`, body: { key: 'live' } })
  const path = `${projects}/shop/environments/live/flagset`
  assert.equal((await send(address, { method: 'PUT', path, body: { flags } })).status, 200)
}

/**
 * Evaluates from several clients at once, sends SIGTERM meanwhile, and continues until connections are refused. Resolves with the number
 * of answered evaluations.
 */
async function loadUntilStopped({ address, child }: Running): Promise<number> {
  let answers = 0
  let evaluations = 0
  let etag = ''
  const evaluate = async (n: number) => {
    const key = FLAGS[n % (FLAGS.length + 1)]
    const response = await send(address, {
      method: 'POST',
      path: `/ofrep/v1/evaluate/flags${key === undefined ? '' : `/${key}`}`,
      body: { context: { targetingKey: `user-${n % 50}`, variant: n % 2 === 0 ? 'none' : 'off' } },
      headers: { 'flagd-selector': 'flagSetId=shop/live', ...(etag && { 'if-none-match': etag }) },
    })
    await response.text()
    assert.ok([200, 304, 400].includes(response.status), `${response.status}`)
    etag = response.headers.get('etag') ?? etag
    answers += 1
    evaluations += key === undefined ? FLAGS.length : 1
    if (answers === ANSWERS_MIN) child.kill('SIGTERM')
  }
  const loop = async (first: number) => {
    for (let n = first; ; n += LOOPS + 1)
      try {
        await evaluate(n)
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error
        assert.ok(answers >= ANSWERS_MIN, `refused before the signal: ${error}`)
        return
      }
  }
  await Promise.all(Array.from({ length: LOOPS }, (_, first) => loop(first)))
  return evaluations
}
