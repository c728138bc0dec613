import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { after, afterEach, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseDatabaseUrl } from '../../src/config/database.ts'
import { connect } from '../../src/repository/postgres/connection/failover-pool.ts'
import { samplesIn } from '../support/metrics.ts'
import { type Loaded, overwhelm, quantile } from '../support/overwhelm.ts'
import { kill, type Running, startService } from '../support/process.ts'
import { request } from '../support/replicas.ts'
import { openStore, type Store } from '../support/store.ts'

const ADMIN_KEY = 'admin-key-for-tests-only-0123456789'
const ENVIRONMENT = '/api/v1/projects/p/environments/e'
const BULK = '/ofrep/v1/evaluate/flags'
const HEADERS = { authorization: `Bearer ${ADMIN_KEY}`, 'flagd-selector': 'flagSetId=p/e' }
const HEAD = `Host: localhost\r\nAuthorization: Bearer ${ADMIN_KEY}\r\nFlagd-Selector: flagSetId=p/e\r\nContent-Length: 2\r\n\r\n`
/** Evaluating all of these takes one to ten milliseconds, depending on the machine. A 304 has a few bytes. */
const FLAGS = 3_000
const CONNECTIONS = 800
const SERVED = 3_000
const MS_MAX = 45_000
/** An eighth of the connections. */
const REQUESTS_MAX = 100

let store: Store
let service: Running | undefined
before(async () => {
  store = await openStore()
  const { address } = await start()
  const make = async (method: string, path: string, body: object) =>
    assert.ok((await request(address, ADMIN_KEY, { method, path, body })).status < 300)
  await make('POST', '/api/v1/projects', { key: 'p' })
  await make('POST', '/api/v1/projects/p/environments', { key: 'e' })
  // Depends on the clock, so that no response comes from a cache.
  const isLate = { '>': [{ var: '$flagd.timestamp' }, 4_000_000_000] }
  const targeting = { if: [{ or: [{ ends_with: [{ var: 'email' }, '@a.b'] }, isLate] }, 'on', 'off'] }
  const flag = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'off', targeting }
  const flags = Object.fromEntries(Array.from({ length: FLAGS }, (_, n) => [`flag-${n}`, flag]))
  await make('PUT', `${ENVIRONMENT}/flagset`, { flags })
  await end()
})
afterEach(() => end())
after(() => store.close())

async function start(env: Record<string, string> = {}): Promise<Running> {
  service = await startService({ DATABASE_URL: store.url, FLAGSTAFF_ADMIN_KEY: ADMIN_KEY, ...env })
  return service
}

async function end(): Promise<void> {
  if (service) await kill(service)
  service = undefined
}

const evaluate = async ({ address }: Running) => {
  const response = await fetch(`${address}${BULK}/flag-1`, { method: 'POST', headers: HEADERS, body: '{}' })
  await response.text()
  return response
}
const samplesOf = async ({ address }: Running) => samplesIn(await (await fetch(`${address}/metrics`)).text())

type Observed = Loaded & { readonly probes: number[]; readonly residentBytes: number }

/** Overloads a service, and sends probes meanwhile. */
async function observe(running: Running): Promise<Observed> {
  assert.equal((await evaluate(running)).status, 200)
  const probes: number[] = []
  let isOver = false
  const probing = async () => {
    for (let n = 0; !isOver; n += 1) {
      const begin = performance.now()
      const response = await fetch(`${running.address}${n % 2 === 0 ? '/livez' : '/readyz'}`)
      assert.equal(response.status, 200, await response.text())
      probes.push(performance.now() - begin)
      await sleep(20)
    }
  }
  const port = Number(new URL(running.address).port)
  const all = await fetch(`${running.address}${BULK}`, { method: 'POST', headers: HEADERS, body: '{}' })
  await all.text()
  const sent = `POST ${BULK} HTTP/1.1\r\nIf-None-Match: ${all.headers.get('etag')}\r\n${HEAD}{}`
  const size = { connections: CONNECTIONS, served: SERVED, msMax: MS_MAX }
  const load = overwhelm({ port, request: sent, status: 304, ...size })
  const [loaded] = await Promise.all([load.finally(() => (isOver = true)), probing()])
  const residentBytes = (await samplesOf(running)).get('process_resident_memory_bytes') ?? Number.NaN
  return { ...loaded, probes, residentBytes }
}

test('an overloaded process refuses some requests, answers the others in time, and its probes', async (t) => {
  const unbounded = await observe(await start({ REQUESTS_MAX: '0' }))
  await end()
  const running = await start({ REQUESTS_MAX: String(REQUESTS_MAX) })
  const bounded = await observe(running)

  const served = (of: Observed, share: number) => quantile(of.times.get(304) ?? [], share)
  const refused = bounded.times.get(503) ?? []
  const tell = ({ times, ms, probes, residentBytes }: Observed) =>
    t.diagnostic(
      `${times.get(304)?.length} served and ${times.get(503)?.length ?? 0} refused in ${Math.round(ms)} ms; p99 of the served ` +
        `${Math.round(quantile(times.get(304) ?? [], 0.99))} ms, of the refused ${Math.round(quantile(times.get(503) ?? [], 0.99))} ms, ` +
        `probes up to ${Math.round(Math.max(...probes))} ms, ${Math.round(residentBytes / 2 ** 20)} MiB`,
    )
  tell(unbounded)
  tell(bounded)
  assert.deepEqual([...unbounded.times.keys()], [304])
  assert.deepEqual([...bounded.times.keys()].sort(), [304, 503])
  assert.ok((bounded.times.get(304)?.length ?? 0) >= SERVED, 'what is refused does not crowd out what is served')
  assert.ok(served(bounded, 0.99) < served(unbounded, 0.99) / 1.5)
  assert.ok(quantile(refused, 0.99) < served(unbounded, 0.99))
  for (const head of bounded.refusals) assert.match(head, /^HTTP\/1\.1 503 [\s\S]*\r\nretry-after: 1\r\n/i)
  assert.ok(quantile(bounded.probes, 0.9) < served(unbounded, 0.99))
  assert.ok(bounded.residentBytes < unbounded.residentBytes * 1.5)

  for (let n = 0; n < 100; n += 1) assert.equal((await evaluate(running)).status, 200, 'it is over at once')
  const samples = await samplesOf(running)
  assert.ok((samples.get('flagstaff_shed_total{reason="concurrency"}') ?? 0) >= refused.length)
  assert.equal(samples.get('flagstaff_requests_in_flight'), 1)
})

test('a process accepts its maximum of concurrent requests, and the next as soon as one is answered', async () => {
  const running = await start({ REQUESTS_MAX: '10' })
  assert.equal((await evaluate(running)).status, 200)
  const refused = Promise.withResolvers<void>()
  const waiting = new Set<net.Socket>()
  let refusals = 0
  for (let n = 0; n < 20; n += 1) {
    const socket = net.connect(Number(new URL(running.address).port), '127.0.0.1')
    waiting.add(socket)
    socket.write(`POST ${BULK}/flag-1 HTTP/1.1\r\n${HEAD}{`) // incomplete
    socket.once('data', (answer) => {
      assert.match(String(answer), /^HTTP\/1\.1 503 [\s\S]*\r\nretry-after: 1\r\n/i)
      socket.destroy()
      waiting.delete(socket)
      refusals += 1
      if (refusals === 10) refused.resolve()
    })
  }
  await refused.promise
  assert.equal((await fetch(`${running.address}/readyz`)).status, 200)
  assert.equal((await samplesOf(running)).get('flagstaff_requests_in_flight'), 11, 'the scrape too')
  assert.equal((await evaluate(running)).status, 503)
  const [first] = waiting
  assert.ok(first)
  first.removeAllListeners('data').write('}')
  const [answer]: Buffer[] = await once(first, 'data')
  assert.match(String(answer), /^HTTP\/1\.1 200 /)
  assert.equal((await evaluate(running)).status, 200)
  assert.equal((await samplesOf(running)).get('flagstaff_shed_total{reason="concurrency"}'), 11)
  for (const socket of waiting) socket.destroy()
  while (((await samplesOf(running)).get('flagstaff_requests_in_flight') ?? 0) > 1) await sleep(5)
})

/** Sends 8 requests that wait for `lock`, to a process that accepts 3 at once. */
async function leavesRoom(running: Running, lock: string, send: () => Promise<{ status: number }>): Promise<void> {
  assert.equal((await evaluate(running)).status, 200)
  const client = await connect(parseDatabaseUrl(store.url))
  await client.query('begin')
  await client.query(lock)
  const sent = Array.from({ length: 8 }, send)
  const statuses = () => Promise.all(sent.map(async (each) => (await each).status))
  try {
    const refused = await Promise.any(sent.map(async (each) => (await each).status))
    assert.equal(refused, 503)
    for (let n = 0; n < 20; n += 1) assert.equal((await evaluate(running)).status, 200)
  } finally {
    await client.query('rollback')
    await client.end()
  }
  assert.equal((await statuses()).filter((status) => status === 200).length, 3)
}

test('management requests that wait for the database leave room for evaluations', async () => {
  const running = await start({ REQUESTS_MAX: '3' })
  await leavesRoom(running, 'select 1 from flagstaff.environments for update', () =>
    request(running.address, ADMIN_KEY, { method: 'PATCH', path: ENVIRONMENT, body: { name: 'later' } }),
  )
})

test('requests of sessions that wait for the database leave room for evaluations', async () => {
  const running = await start({ REQUESTS_MAX: '3' })
  const body = { name: 'ada', role: 'viewer', environment: { project: 'p', environment: 'e' } }
  const created = await request(running.address, ADMIN_KEY, { method: 'POST', path: '/api/v1/keys', body })
  const headers = { 'x-api-key': created.body.secret }
  await leavesRoom(running, 'lock table flagstaff.keys in access exclusive mode', async () => {
    const response = await fetch(`${running.address}/console/session`, { headers })
    await response.text()
    return response
  })
})
