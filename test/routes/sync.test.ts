import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { openService, type Service } from '../support/service.ts'

const onOff = { on: true, off: false }
const flag = (source: string, defaultVariant = 'on') => ({
  state: 'ENABLED',
  variants: onOff,
  defaultVariant,
  metadata: { source },
})
const FLAGS = Object.fromEntries(
  Array.from({ length: 20 }, (_, index) => [`f${index}`, flag(index < 5 ? 'red' : 'blue')]),
)
const PLACE = '/api/v1/projects/shop/environments/live'

let service: Service
let serverKey = ''
let clientKey = ''
before(async () => {
  service = await openService()
  await service.call('POST', '/api/v1/projects', { body: { key: 'shop' } })
  await service.call('POST', '/api/v1/projects/shop/environments', { body: { key: 'live' } })
  const key = async (role: string): Promise<string> => {
    const environment = { project: 'shop', environment: 'live' }
    return (await service.call('POST', '/api/v1/keys', { body: { name: role, role, environment } })).body.secret
  }
  serverKey = await key('server')
  clientKey = await key('client')
  assert.equal((await service.call('PUT', `${PLACE}/flagset`, { body: { flags: FLAGS } })).status, 200)
})
after(() => service.close())

const get = (path = '/v1/flags', headers: Record<string, string> = {}, key: string | null = serverKey) =>
  service.fetch(
    new Request(`http://localhost${path}`, { headers: { ...(key && { authorization: `Bearer ${key}` }), ...headers } }),
  )
const keysIn = async (response: Response) => {
  const document: any = await response.json()
  return Object.keys(document.flags)
}

test('GET /v1/flags returns the flag set as a document that caches may store and must revalidate', async () => {
  const response = await get()
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-type'), 'application/json')
  assert.equal(response.headers.get('cache-control'), 'public, no-cache')
  assert.equal(response.headers.get('vary'), 'Accept-Encoding, Flagd-Selector, Authorization, X-API-Key')
  assert.match(response.headers.get('etag') ?? '', /^"[0-9a-f]{64}"$/)
  const { changedAt } = await service.snapshots.current('shop/live')
  assert.equal(response.headers.get('last-modified'), changedAt.toUTCString())
  assert.equal((await keysIn(response)).length, 20)
})

for (const [what, headers] of [
  ['as it is', {}],
  ['in a list', { 'if-none-match': '"x", ETAG' }],
  ['weak', { 'if-none-match': 'W/ETAG' }],
  ['*', { 'if-none-match': '*' }],
  ['of the packed form', { 'accept-encoding': 'gzip' }],
] as const)
  test(`If-None-Match, ${what}, of the current document is 304 without a body`, async () => {
    const first = await get('/v1/flags', 'accept-encoding' in headers ? headers : {})
    const etag = first.headers.get('etag') ?? ''
    const tag = 'if-none-match' in headers ? headers['if-none-match'].replace('ETAG', etag) : etag
    const second = await get('/v1/flags', { 'if-none-match': tag })
    assert.equal(second.status, 304)
    assert.equal(await second.text(), '')
    assert.equal(second.headers.get('content-type'), null)
    assert.ok(second.headers.get('etag'))
  })

test('a change causes another ETag, and its reversal the first one again', async () => {
  const first = await get()
  const change = (variant: string) => service.call('PUT', `${PLACE}/flags/f0`, { body: flag('red', variant) })
  await change('off')
  const headers = { 'if-none-match': first.headers.get('etag') ?? '' }
  assert.equal((await get('/v1/flags', headers)).status, 200)
  await change('on')
  assert.equal((await get('/v1/flags', headers)).status, 304)
})

test('a large document is compressed for clients that accept gzip, with its own strong ETag', async () => {
  const plain = await get('/v1/flags', { 'accept-encoding': 'br, gzip;q=0, deflate' })
  assert.equal(plain.headers.get('content-encoding'), null)
  for (const accept of ['gzip', 'br, gzip;q=0.5', '*', 'deflate,gzip']) {
    const packed = await get('/v1/flags', { 'accept-encoding': accept })
    assert.equal(packed.headers.get('content-encoding'), 'gzip', accept)
    assert.notEqual(packed.headers.get('etag'), plain.headers.get('etag'))
    const text = gunzipSync(new Uint8Array(await packed.arrayBuffer())).toString()
    assert.equal(Object.keys(JSON.parse(text).flags).length, 20)
  }
})

test('a selector filters flags, in the path or in the header, which takes precedence', async () => {
  assert.equal((await keysIn(await get('/v1/flags/source=red'))).length, 5)
  assert.equal((await keysIn(await get(`/v1/flags/${encodeURIComponent('flagSetId=shop/live')}`))).length, 20)
  assert.equal((await keysIn(await get('/v1/flags/flagSetId=shop/live'))).length, 20)
  assert.equal((await keysIn(await get('/v1/flags/source=blue', { 'flagd-selector': 'source=red' }))).length, 5)
  assert.equal((await keysIn(await get('/v1/flags/'))).length, 20)
  assert.equal((await keysIn(await get('/v1/flags/flagSetId=other/live'))).length, 0, 'never another environment')
})

for (const [path, key, status] of [
  ['/v1/flags', null, 401],
  ['/v1/flags', 'client', 403],
  ['/v1/flags/x=y', 'server', 400],
  ['/v1/flags/%ff', 'server', 400],
  ['/v1/flags/flagSetId=no/where', 'admin', 404],
] as const)
  test(`GET ${path} with ${key ?? 'no'} key is ${status}`, async () => {
    const secret = { client: clientKey, server: serverKey, admin: undefined }[key ?? 'admin']
    const { status: got } = await service.call(
      'GET',
      path,
      key === 'admin' ? {} : { key: key === null ? null : (secret ?? null) },
    )
    assert.equal(got, status)
  })

test('HEAD returns the same without a body', async () => {
  const request = new Request('http://localhost/v1/flags', { method: 'HEAD', headers: { 'x-api-key': serverKey } })
  const response = await service.fetch(request)
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('etag'), (await get()).headers.get('etag'))
  assert.equal(await response.text(), '')
})
