import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { consoleFolder } from '../support/console-folder.ts'
import { type Listening, openListening } from '../support/listening.ts'
import { ADMIN_KEY } from '../support/service.ts'

// Caches between client and service (RFC 9111): none may give a client the response of another, and no client decides what others get.

const built = consoleFolder()
let it: Listening
let keys: { clientKey: string; serverKey: string }
let other: { clientKey: string; serverKey: string }
before(async () => {
  it = await openListening({ dependencies: { console: { publicPath: '', folder: built.folder } } })
  keys = await it.environment('shop')
  other = await it.environment('other')
  for (const [project, value] of [
    ['shop', 'of shop'],
    ['other', 'of other'],
  ]) {
    const variants = { on: value, off: 'off' }
    const flag = { state: 'ENABLED', variants, defaultVariant: 'on', targeting: { if: [{ var: 'beta' }, 'off', 'on'] } }
    await it.service.call('PUT', `/api/v1/projects/${project}/environments/test/flags/a`, { body: flag })
  }
})
after(async () => {
  await it.close()
  built.remove()
})

const get = (path: string, headers: Record<string, string>) => fetch(it.address + path, { headers, redirect: 'manual' })
const bulk = (key: string, context: object, headers: Record<string, string> = {}) =>
  fetch(`${it.address}/ofrep/v1/evaluate/flags`, {
    method: 'POST',
    headers: { 'x-api-key': key, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ context }),
  })

/** Whether a shared cache gives the response to no other client without a revalidation with their own key. */
function isSafeInCaches({ headers }: Response): boolean {
  const directives = (headers.get('cache-control') ?? '').split(/\s*,\s*/)
  if (directives.includes('no-store') || directives.includes('private')) return true
  const vary = (headers.get('vary') ?? '').toLowerCase()
  return directives.includes('no-cache') && vary.includes('authorization') && vary.includes('x-api-key')
}

async function sessionCookie(): Promise<string> {
  const headers = { 'content-type': 'application/json', 'x-flagstaff-console': '1', 'sec-fetch-site': 'same-origin' }
  const body = JSON.stringify({ key: ADMIN_KEY })
  const response = await fetch(`${it.address}/console/session`, { method: 'POST', headers, body })
  return response.headers.get('set-cookie')?.split(';')[0] ?? ''
}

test('no response that a key or a session decides may be given to others by a shared cache', async () => {
  const { paths } = (await it.service.call('GET', '/openapi.json')).body as {
    paths: Record<string, Record<string, object>>
  }
  const pages = Object.entries(paths).filter(([, item]) => 'get' in item)
  const at = pages.map(([path]) =>
    path
      .replace('{project}', 'shop')
      .replace('{environment}', 'test')
      .replace(/\{\w+\}/, 'a'),
  )
  const cookie = await sessionCookie()
  let good = 0
  for (const path of [...at, '/console/session', '/v1/flags', '/v1/flags/flagSetId%3Dshop%2Ftest'])
    for (const credentials of [{ 'x-api-key': ADMIN_KEY }, { authorization: `Bearer ${ADMIN_KEY}` }, { cookie }, {}]) {
      const response = await get(path, credentials as Record<string, string>)
      await response.body?.cancel()
      if (response.ok) good += 1
      assert.ok(isSafeInCaches(response), `${path} ${Object.keys(credentials)} ${response.status}`)
    }
  assert.ok(good > 3 * 12, String(good))
  for (const key of [keys.clientKey, 'wrong'])
    for (const path of ['', '/a', '/none']) {
      const response = await fetch(`${it.address}/ofrep/v1/evaluate/flags${path}`, {
        method: 'POST',
        headers: { 'x-api-key': key },
        body: '{}',
      })
      assert.ok(isSafeInCaches(response), path)
    }
})

test('an ETag of another context, environment or key is no reason for 304', async () => {
  const tagOf = (response: Response) => response.headers.get('etag') ?? assert.fail('no ETag')
  const mine = tagOf(await bulk(keys.clientKey, {}))
  const beta = tagOf(await bulk(keys.clientKey, { beta: true }))
  const theirs = tagOf(await bulk(other.clientKey, {}))
  assert.equal(new Set([mine, beta, theirs]).size, 3)
  assert.equal((await bulk(keys.clientKey, {}, { 'if-none-match': mine })).status, 304)
  for (const tag of [beta, theirs, `W/${beta}`, `"x", ${theirs}`])
    for (const round of [1, 2]) {
      const response = await bulk(keys.clientKey, {}, { 'if-none-match': tag })
      assert.equal(response.status, 200, `${tag} round ${round}`)
      assert.match(await response.text(), /"of shop"/)
    }
  assert.equal((await bulk('wrong', {}, { 'if-none-match': mine })).status, 401)
  assert.equal((await bulk(other.clientKey, {}, { 'if-none-match': mine })).status, 200)
  const document = await get('/v1/flags', { 'x-api-key': keys.serverKey })
  const headers = { 'x-api-key': other.serverKey, 'if-none-match': tagOf(document) }
  assert.equal((await get('/v1/flags', headers)).status, 200)
  assert.equal((await get('/v1/flags', { 'if-none-match': tagOf(document) })).status, 401)
})

test('no header that is not part of a cache key changes a response', async () => {
  const unkeyed = {
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'http',
    'x-forwarded-prefix': '/evil',
    'x-host': 'evil.example',
    'x-original-url': '/api/v1/keys',
    'x-rewrite-url': '/api/v1/keys',
    'x-http-method-override': 'DELETE',
    forwarded: 'host=evil.example',
    range: 'bytes=0-1',
    'accept-language': 'xx',
  }
  const paths = ['/console/', '/console', '/', '/docs', '/openapi.json', '/livez', '/nowhere']
  for (const path of paths) {
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`
    const plain = { accept: 'text/html', traceparent }
    const [one, two] = [await get(path, plain), await get(path, { ...plain, ...unkeyed })]
    assert.deepEqual([two.status, await two.text()], [one.status, await one.text()], path)
    assert.equal(two.headers.get('location'), one.headers.get('location'), path)
  }
  const [one, two] = [await bulk(keys.clientKey, {}), await bulk(keys.clientKey, {}, unkeyed)]
  assert.equal(await two.text(), await one.text())
})

test('only a file of the console may be kept without a check, and no error may be', async () => {
  const page = await (await get('/console/', { accept: 'text/html' })).text()
  const [, asset = ''] = /"(\/console\/assets\/[\w.-]+\.js)"/.exec(page) ?? []
  assert.match((await get(asset, {})).headers.get('cache-control') ?? '', /immutable/)
  for (const path of [
    '/console/assets/none.js',
    `${asset}x`,
    '/console/assets/..%2findex.html',
    '/console/assets/%2e%2e%2f%2e%2e%2fpackage.json',
  ])
    for (const headers of [{}, { 'x-api-key': ADMIN_KEY }]) {
      const response = await get(path, headers)
      await response.body?.cancel()
      assert.ok(response.status >= 400 && response.status < 500, path)
      assert.doesNotMatch(response.headers.get('cache-control') ?? '', /public|max-age|immutable/, path)
    }
})
