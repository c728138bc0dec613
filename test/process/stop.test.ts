import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { after, before, test } from 'node:test'
import { readEvents } from '../support/events.ts'
import { kill, type Running, startService } from '../support/process.ts'
import { request } from '../support/replicas.ts'
import { openStore, type Store } from '../support/store.ts'

const ADMIN_KEY = 'admin-key-for-tests-only-0123456789'
const ENVIRONMENT = '/api/v1/projects/p/environments/e'
const EVALUATE = '/ofrep/v1/evaluate/flags/a'
const FLAG = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }
const HEADERS = {
  authorization: `Bearer ${ADMIN_KEY}`,
  'content-type': 'application/json',
  'flagd-selector': 'flagSetId=p/e',
}

let store: Store
let service: Running | undefined
before(async () => {
  store = await openStore()
})
after(async () => {
  if (service) await kill(service)
  await store.close()
})

async function start(env: Record<string, string> = {}): Promise<Running> {
  service = await startService({ DATABASE_URL: store.url, FLAGSTAFF_ADMIN_KEY: ADMIN_KEY, ...env })
  const { address } = service
  const make = (path: string, body: object) => request(address, ADMIN_KEY, { method: 'POST', path, body })
  await make('/api/v1/projects', { key: 'p' })
  await make('/api/v1/projects/p/environments', { key: 'e' })
  const put = await request(address, ADMIN_KEY, { method: 'PUT', path: `${ENVIRONMENT}/flags/a`, body: FLAG })
  assert.equal(put.status, 200)
  return service
}

type Sent = { method: string; path: string; body?: object }
type Answer = { status: number; closes: boolean; body: string }
/** One request on a connection of the agent. */
function send(agent: http.Agent, address: string, { method, path, body }: Sent): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const text = body && JSON.stringify(body)
  const headers = { ...HEADERS, ...(text !== undefined && { 'content-length': String(Buffer.byteLength(text)) }) }
  const outgoing = http.request(`${address}${path}`, { method, agent, headers }, (response) => {
    let answer = ''
    response.setEncoding('utf8')
    response.on('data', (chunk) => {
      answer += chunk
    })
    response.on('error', reject)
    response.on('end', () => {
      const closes = response.headers.connection?.toLowerCase() === 'close'
      resolve({ status: response.statusCode ?? 0, closes, body: answer })
    })
  })
  outgoing.on('error', reject)
  outgoing.end(text)
  return promise
}

type Load = { answers: Answer[]; writes: number; refused: number; lost: string[] }

/** Sends requests one after the other until connections are refused. Any other result is a loss. */
async function load(address: string, next: (n: number) => Sent, seen: Load): Promise<void> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  for (let n = 1; ; n += 1) {
    const sent = next(n)
    try {
      const answer = await send(agent, address, sent)
      seen.answers.push(answer)
      if (sent.method === 'PUT' && answer.status === 200) seen.writes += 1
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
      if (/ECONNREFUSED|ConnectionRefused/.test(code)) seen.refused += 1
      else seen.lost.push(`${sent.method} ${sent.path}: ${code}`)
      break
    }
  }
  agent.destroy()
}

for (const signal of ['SIGTERM', 'SIGINT'] as const)
  test(`${signal} under load loses no request, and the last responses announce the close of the connection`, async () => {
    const { address, child, ended, output } = await start()
    const seen: Load = { answers: [], writes: 0, refused: 0, lost: [] }
    const before = await revision(address)
    const evaluations = Array.from({ length: 24 }, () =>
      load(address, () => ({ method: 'POST', path: EVALUATE, body: { context: {} } }), seen),
    )
    const writers = ['w1', 'w2', 'w3', 'w4'].map((flag) => {
      const body = (n: number) => ({ ...FLAG, metadata: { signal, n } })
      return load(address, (n) => ({ method: 'PUT', path: `${ENVIRONMENT}/flags/${flag}`, body: body(n) }), seen)
    })
    while (seen.answers.length < 500) await new Promise((resolve) => setImmediate(resolve))
    const begin = performance.now()
    child.kill(signal)
    assert.deepEqual(await ended, { code: 0, signal: null }, output())
    assert.ok(performance.now() - begin < 8_000)
    await Promise.all([...evaluations, ...writers])
    assert.deepEqual(seen.lost, [], `of ${seen.answers.length}`)
    assert.equal(seen.refused, 28)
    assert.ok(seen.answers.every(({ status }) => status === 200))
    assert.ok(seen.answers.filter(({ closes }) => closes).length > 0)
    assert.ok(seen.writes > 0)
    const again = await start()
    assert.equal(await revision(again.address), before + seen.writes, 'what was acknowledged stands, and nothing else')
    again.child.kill(signal)
    assert.equal((await again.ended).code, 0)
  })

async function revision(address: string): Promise<number> {
  return (await request(address, ADMIN_KEY, { method: 'GET', path: ENVIRONMENT })).body.revision
}

const HEAD = `HTTP/1.1\r\nHost: flagstaff\r\nAuthorization: Bearer ${ADMIN_KEY}\r\nContent-Type: application/json\r\n`
/** A write with an incomplete body: open until the rest is sent. */
const HALF = `PUT ${ENVIRONMENT}/flags/slow ${HEAD}Content-Length: ${JSON.stringify(FLAG).length}\r\n\r\n`

/** A connection that records what it receives. */
async function connect(address: string): Promise<{ socket: net.Socket; closed: Promise<string> }> {
  const socket = net.connect(Number(new URL(address).port), '127.0.0.1')
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return { socket, closed: once(socket, 'close').then(() => text) }
}

test('a shutdown waits for an open write, reports not ready, and closes idle connections', async () => {
  const { address, child, ended, says } = await start()
  const idle = await connect(address)
  idle.socket.write(`GET /livez ${HEAD}\r\n`)
  await once(idle.socket, 'data')
  const open = await connect(address)
  open.socket.write(HALF)
  const probe = await connect(address)
  probe.socket.write(`GET /readyz ${HEAD}`) // incomplete: its end is sent after the signal
  assert.equal((await request(address, ADMIN_KEY, { method: 'GET', path: '/readyz' })).status, 200)
  child.kill('SIGTERM')
  await says(/"message":"Stopping"/)
  probe.socket.write('\r\n')
  assert.match(await probe.closed, /^HTTP\/1\.1 503 [\s\S]*\r\nconnection: close\r\n[\s\S]*\{"status":"stopping"\}$/i)
  assert.match(await idle.closed, /"live"/)
  open.socket.write(JSON.stringify(FLAG))
  assert.match(await open.closed, /^HTTP\/1\.1 200 [\s\S]*\r\nconnection: close\r\n/i)
  assert.deepEqual(await ended, { code: 0, signal: null })
})

test('during DRAIN_DELAY_SECONDS the process is not ready, serves as before, and announces the close of connections', async () => {
  const { address, child, ended, says } = await start({ DRAIN_DELAY_SECONDS: '1' })
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  const evaluation = { method: 'POST', path: EVALUATE, body: { context: {} } }
  const bulk = await send(agent, address, { ...evaluation, path: '/ofrep/v1/evaluate/flags' })
  assert.ok(!bulk.closes)
  const stream = await fetch(address + JSON.parse(bulk.body).eventStreams[0].endpoint.requestUri)
  const events = readEvents(stream.body)
  await events.next('retry')
  const begin = performance.now()
  child.kill('SIGTERM')
  await says(/"message":"Stopping"/)
  assert.equal((await send(agent, address, { method: 'GET', path: '/readyz' })).status, 503)
  for (const n of [1, 2]) {
    const answer = await send(agent, address, evaluation)
    assert.deepEqual([answer.status, answer.closes], [200, true], `request ${n}, on a connection of its own`)
  }
  await events.next('retry')
  assert.ok(performance.now() - begin >= 1_000, 'streams go on for that time')
  assert.equal(await events.next('data'), undefined)
  assert.deepEqual(await ended, { code: 0, signal: null })
  agent.destroy()
})

test('a request that never ends delays a shutdown until the deadline at most', async () => {
  const { address, child, ended, says } = await start({ DRAIN_SECONDS: '1' })
  const open = await connect(address)
  open.socket.write(HALF)
  await request(address, ADMIN_KEY, { method: 'GET', path: '/livez' })
  const begin = performance.now()
  child.kill('SIGTERM')
  await says(/Cutting the shutdown short/)
  assert.deepEqual(await ended, { code: 0, signal: null }, 'what could end in order did')
  assert.ok(performance.now() - begin < 1_500, `${performance.now() - begin} ms`)
  await open.closed
})

test('a second signal ends at once', async () => {
  const { address, child, ended, says } = await start()
  const open = await connect(address)
  open.socket.write(HALF)
  await request(address, ADMIN_KEY, { method: 'GET', path: '/livez' })
  child.kill('SIGTERM')
  await says(/"message":"Stopping"/)
  const begin = performance.now()
  child.kill('SIGINT')
  assert.equal((await ended).code, 1)
  assert.ok(performance.now() - begin < 1_000)
})
