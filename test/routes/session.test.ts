import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, test } from 'node:test'
import { authenticator } from '../../src/cache/authenticator.ts'
import { handleError } from '../../src/middleware/problem.ts'
import { sessionRoutes } from '../../src/routes/session.ts'
import { type Listening, openListening } from '../support/listening.ts'
import { ADMIN_KEY } from '../support/service.ts'

const HOUR_MS = 3_600_000
const CONSOLE = { 'x-flagstaff-console': '1', 'sec-fetch-site': 'same-origin' }
const ENVIRONMENT = { project: 'shop', environment: 'test' }
const PROJECT = '/api/v1/projects/shop'
let now = Date.now()
let it: Listening
let clientKey: string
before(async () => {
  it = await openListening({ dependencies: { now: () => now, console: { publicPath: '' } } })
  clientKey = (await it.environment('shop')).clientKey
})
after(() => it.close())

type Sent = { method?: string; cookie?: string; headers?: Record<string, string>; body?: unknown }

/** Sends a request over the socket, without a key. */
async function send(path: string, { method = 'GET', cookie, headers = {}, body }: Sent = {}) {
  now += HOUR_MS / 600 // no test comes near the limit of tries but the one about it
  const response = await fetch(`${it.address}${path}`, {
    method,
    headers: {
      ...(cookie !== undefined && { cookie }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
}

const signIn = (key: string, headers: Record<string, string> = CONSOLE) =>
  send('/console/session', { method: 'POST', body: { key }, headers })
const cookieOf = ({ headers }: { headers: Headers }) => headers.get('set-cookie')?.split(';')[0] ?? ''
const newKey = async (role: string, environment: object | null = ENVIRONMENT) =>
  (await it.service.call('POST', '/api/v1/keys', { body: { name: `${role} of ada`, role, environment } })).body

test('a key is exchanged for a cookie that no script and no other site can use, and that is no key', async () => {
  const { id, secret } = await newKey('viewer')
  const response = await signIn(secret)
  assert.equal(response.status, 201)
  const actor = `key:${id}`
  const who = { mode: 'key', name: 'viewer of ada', actor, role: 'viewer', environment: ENVIRONMENT }
  assert.deepEqual(response.body, who)
  const cookie = response.headers.get('set-cookie') ?? ''
  assert.match(cookie, /^__Host-flagstaff=[\w.-]+; Max-Age=7200; Path=\/; HttpOnly; Secure; SameSite=Strict$/)
  assert.ok(!cookie.includes(secret))
  assert.deepEqual((await send('/console/session', { cookie: cookieOf(response) })).body, who)
  assert.equal((await send(`${PROJECT}/flags`, { cookie: cookieOf(response) })).status, 200)
})

test('an unknown key, a client key, no key and a cookie that was changed are refused', async () => {
  assert.equal((await signIn('fs_admin_unknown')).status, 401)
  assert.equal((await signIn(clientKey)).status, 403)
  assert.equal((await send('/console/session', { method: 'POST', body: {}, headers: CONSOLE })).status, 400)
  const cookie = cookieOf(await signIn(ADMIN_KEY))
  const changed = cookie.replace(/\.(\w)([\w-]+)$/, (_, first, rest) => `.${first === 'A' ? 'B' : 'A'}${rest}`)
  for (const wrong of ['__Host-flagstaff=', '__Host-flagstaff=a.b.c.d.e', changed])
    assert.equal((await send('/console/session', { cookie: wrong })).status, 401, wrong)
  assert.equal((await send('/console/session')).status, 401)
})

test('evaluations and sync accept no session', async () => {
  const cookie = cookieOf(await signIn(ADMIN_KEY))
  const headers = { ...CONSOLE, 'flagd-selector': 'flagSetId=shop/test' }
  const evaluation = await send('/ofrep/v1/evaluate/flags', { method: 'POST', cookie, headers, body: {} })
  assert.deepEqual([evaluation.status, (await send('/v1/flags', { cookie, headers })).status], [401, 401])
})

test('a key in the request is used in place of the session', async () => {
  const cookie = cookieOf(await signIn(ADMIN_KEY))
  for (const headers of [{ authorization: `Bearer ${clientKey}` }, { 'x-api-key': clientKey }])
    assert.equal((await send(`${PROJECT}/flags`, { cookie, headers })).status, 403)
})

for (const [what, headers, status] of [
  ['the console', CONSOLE, 201],
  ['another site', { ...CONSOLE, 'sec-fetch-site': 'cross-site' }, 403],
  ['a subdomain', { ...CONSOLE, 'sec-fetch-site': 'same-site' }, 403],
  ['the address bar', { ...CONSOLE, 'sec-fetch-site': 'none' }, 403],
  ['a page of the same origin without the header of the console', { 'sec-fetch-site': 'same-origin' }, 403],
  ['an old browser with the same Origin', { 'x-flagstaff-console': '1', origin: 'ORIGIN' }, 201],
  ['an old browser with the same Origin over TLS', { 'x-flagstaff-console': '1', origin: 'TLS' }, 201],
  ['an old browser with another Origin', { 'x-flagstaff-console': '1', origin: 'https://evil.example' }, 403],
  ['an old browser with the Origin "null"', { 'x-flagstaff-console': '1', origin: 'null' }, 403],
  ['a client without Origin and Sec-Fetch-Site', { 'x-flagstaff-console': '1' }, 403],
] as const)
  test(`a change with a session from ${what} is ${status}, and so is a sign-in`, async () => {
    const cookie = cookieOf(await signIn(ADMIN_KEY))
    const texts = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [
        name,
        value.replace('ORIGIN', it.address).replace('TLS', it.address.replace('http:', 'https:')),
      ]),
    )
    const body = { key: `flag-${Math.floor(now)}`, type: 'boolean' }
    const change = await send(`${PROJECT}/flags`, { method: 'POST', cookie, headers: texts, body })
    assert.deepEqual([change.status, (await signIn(ADMIN_KEY, texts)).status], [status, status])
    const out = await send('/console/session', { method: 'DELETE', cookie, headers: texts })
    assert.equal(out.status, status === 201 ? 204 : 403)
  })

test('a change names the key of the session as its author', async () => {
  const { id, secret } = await newKey('editor')
  const cookie = cookieOf(await signIn(secret))
  const body = { key: 'authored', type: 'boolean' }
  await send(`${PROJECT}/flags`, { method: 'POST', cookie, headers: CONSOLE, body })
  const [change] = (await it.service.call('GET', '/api/v1/changes?project=shop&limit=1')).body.items
  assert.deepEqual([change.flag, change.actor], ['authored', `key:${id}`])
})

test('a session is renewed after 30 minutes of use, ends after 2 hours without use, and 8 hours after the sign-in', async () => {
  const ask = (cookie: string) => send('/console/session', { cookie })
  let cookie = cookieOf(await signIn(ADMIN_KEY))
  const begun = now
  assert.equal((await ask(cookie)).headers.get('set-cookie'), null)
  for (let hour = 1; hour < 8; hour++) {
    now = begun + hour * HOUR_MS
    const response = await ask(cookie)
    assert.equal(response.status, 200, `hour ${hour}`)
    cookie = cookieOf(response)
    assert.notEqual(cookie, '')
  }
  now = begun + 8 * HOUR_MS
  assert.equal((await ask(cookie)).status, 401)
  const idle = cookieOf(await signIn(ADMIN_KEY))
  now += 2 * HOUR_MS
  assert.equal((await ask(idle)).status, 401)
})

test('signing out removes the cookie; revoking the key ends its sessions', async () => {
  const { id, secret } = await newKey('viewer')
  const cookie = cookieOf(await signIn(secret))
  const out = await send('/console/session', { method: 'DELETE', cookie, headers: CONSOLE })
  assert.match(out.headers.get('set-cookie') ?? '', /^__Host-flagstaff=; Max-Age=0; /)
  await it.service.call('DELETE', `/api/v1/keys/${id}`)
  assert.equal((await send(`${PROJECT}/flags`, { cookie })).status, 401)
})

/** The status of a sign-in with a wrong key from another address of this machine. */
function signInFrom(localAddress: string): Promise<number | undefined> {
  const headers = { ...CONSOLE, 'content-type': 'application/json' }
  const { port } = new URL(it.address)
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: '/console/session', method: 'POST', localAddress, headers }
    const sent = request(options, (response) => resolve(response.resume().statusCode))
    sent.on('error', reject).end('{"key":"wrong"}')
  })
}

test('the eleventh refused try to sign in within a minute from one address is 429, and a usable key is accepted', async () => {
  now += HOUR_MS
  const at = now
  const tries: number[] = []
  for (let index = 0; index < 11; index++) {
    now = at
    tries.push((await signIn('wrong')).status)
  }
  assert.deepEqual(tries, [...Array(10).fill(401), 429])
  now = at
  assert.equal((await signIn(ADMIN_KEY)).status, 201, 'others behind the same proxy are not locked out')
  now = at + 6_000
  assert.equal(await signInFrom('127.0.0.2'), 401)
  now = at + 70_000
  assert.equal((await signIn('wrong')).status, 401)
})

for (const [what, addresses, status] of [
  ['the addresses of one IPv6 network', ['2001:db8::1', '2001:db8::2', '2001:db8:0:0:ffff::3'], 429],
  ['the same address in both forms', ['2001:db8::1', '2001:db8:0:0:0:0:0:1'], 429],
  ['two IPv6 networks', ['2001:db8::1', '2001:db8:0:1::1'], 401],
  ['networks that differ after "::"', ['::1:2:3:4:5:6', '::1:3:3:4:5:6'], 401],
  ['IPv4 addresses in IPv6', ['::ffff:192.0.2.1', '::ffff:192.0.2.2'], 401],
] as const)
  test(`tries to sign in from ${what} ${status === 429 ? 'count together' : 'count apart'}`, async () => {
    const { database } = it.service.store
    const authenticate = authenticator(() => undefined, undefined)
    const findByDigest = () => undefined
    const routes = sessionRoutes({ database, authenticate, findByDigest, isTrial: false, now: () => 0 })
    routes.onError(handleError(() => undefined))
    const tryFrom = async (remoteAddress: string) => {
      const headers = { ...CONSOLE, 'content-type': 'application/json' }
      const sent = { method: 'POST', headers, body: '{"key":"wrong"}' }
      return (await routes.request('/console/session', sent, { incoming: { socket: { remoteAddress } } })).status
    }
    const [first, ...others] = addresses
    for (let index = 0; index < 10; index++) assert.equal(await tryFrom(first), 401)
    for (const other of others) assert.equal(await tryFrom(other), status, other)
  })

test('a key with characters that no header can have is refused as any other', async () => {
  for (const key of ['ключ', 'fs_admin\nx', 'a\0b', '\ud800']) assert.equal((await signIn(key)).status, 401, key)
})

test('the credentials of a proxy beside the cookie do not end a session', async () => {
  const cookie = cookieOf(await signIn(ADMIN_KEY))
  const headers = { authorization: 'Basic dTpw' }
  assert.equal((await send(`${PROJECT}/flags`, { cookie, headers })).status, 200)
  assert.equal((await send(`${PROJECT}/flags`, { headers })).status, 401)
  const body = { key: 'behind-a-proxy', type: 'boolean' }
  assert.equal((await send(`${PROJECT}/flags`, { method: 'POST', cookie, headers, body })).status, 403)
})
