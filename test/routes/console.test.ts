import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib'
import { H2Client } from '../support/h2.ts'
import { type Listening, openListening } from '../support/listening.ts'

const SCRIPT = 'console.log("a script")\n'.repeat(50)
const ROOT = '<div id="console"></div>'
const HTML = `<!doctype html><script type="module" src="/console/assets/main-AB12.js"></script>${ROOT}`
const FRAME = '<a href="/console/p/{project}/flags">{project}</a>'
const folder = mkdtempSync(join(tmpdir(), 'flagstaff-console-'))
let listening: Listening
let prefixed: Listening
let off: Listening

before(async () => {
  mkdirSync(join(folder, 'assets'))
  writePage(folder, HTML)
  writeFileSync(join(folder, 'assets/main-AB12.js'), SCRIPT)
  writeFileSync(join(folder, 'assets/main-AB12.js.br'), brotliCompressSync(SCRIPT))
  writeFileSync(join(folder, 'assets/main-AB12.js.gz'), gzipSync(SCRIPT))
  writeFileSync(join(folder, 'assets/small-CD34.css'), 'a{}')
  const open = (publicPath: string) => openListening({ dependencies: { console: { publicPath, folder } } })
  ;[listening, prefixed, off] = await Promise.all([open(''), open('/flags'), openListening()])
})
after(async () => {
  await Promise.all([listening, prefixed, off].map((one) => one.close()))
  rmSync(folder, { recursive: true, force: true })
})

function writePage(folder: string, html: string): void {
  writeFileSync(join(folder, 'index.html'), html)
  writeFileSync(join(folder, 'frame.html'), FRAME)
}

type Got = { readonly status: number; readonly headers: http.IncomingHttpHeaders; readonly body: Buffer }
/** Without what fetch adds: it decodes, follows redirects and sends Accept-Encoding of its own. */
function get(
  path: string,
  headers: http.OutgoingHttpHeaders = {},
  { method = 'GET', of = listening } = {},
): Promise<Got> {
  return new Promise((resolve, reject) => {
    const request = http.request(`${of.address}${path}`, { method, headers, agent: false }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) }),
      )
    })
    request.on('error', reject).end()
  })
}

for (const path of [
  '/console/',
  '/console/p/shop/flags',
  '/console/p/shop/flags/a.b/test?tab=json',
  '/console/nowhere',
])
  test(`${path} is the page`, async () => {
    const { status, headers, body } = await get(path)
    assert.equal(status, 200)
    assert.equal(headers['content-type'], 'text/html; charset=UTF-8')
    assert.equal(headers['cache-control'], 'no-cache')
    const frame = path.endsWith('/flags')
      ? '<div id="console" inert><a href="/console/p/shop/flags">shop</a></div>'
      : ROOT
    assert.equal(body.toString(), HTML.replace(ROOT, frame))
  })

test('the page is compressed for browsers that accept it, with an ETag of its own', async () => {
  const plain = await get('/console/')
  const packed = await get('/console/', { 'accept-encoding': 'gzip, br' })
  assert.equal(packed.headers['content-encoding'], 'gzip')
  assert.equal(packed.headers['content-type'], 'text/html; charset=UTF-8')
  assert.equal(packed.headers['vary'], 'accept-encoding')
  assert.equal(gunzipSync(packed.body).toString(), HTML)
  assert.notEqual(packed.headers.etag, plain.headers.etag)
  const again = await get('/console/', { 'accept-encoding': 'gzip, br', 'if-none-match': packed.headers.etag })
  assert.equal(again.status, 304)
})

test('the page of a flag list names the first requests of its project and contains its frame, and no other page does', async () => {
  const built = mkdtempSync(join(tmpdir(), 'flagstaff-console-'))
  mkdirSync(join(built, 'assets'))
  const link = (url: string) => `<link rel="preload" as="fetch" crossorigin href="${url}">\n`
  writePage(built, link('/api/v1/projects/{project}/matrix') + link('/console/session') + HTML)
  const of = await openListening({ dependencies: { console: { publicPath: '/flags', folder: built } } })
  try {
    const page = HTML.replace('"/console/', '"/flags/console/')
    const list = await get('/console/p/shop/flags', {}, { of })
    const requests = link('/flags/api/v1/projects/shop/matrix') + link('/flags/console/session')
    const frame = '<div id="console" inert><a href="/flags/console/p/shop/flags">shop</a></div>'
    assert.equal(list.body.toString(), requests + page.replace(ROOT, frame))
    assert.notEqual(list.headers.etag, (await get('/console/p/other/flags', {}, { of })).headers.etag)
    const etag = { 'if-none-match': list.headers.etag }
    assert.equal((await get('/console/p/shop/flags', etag, { of })).status, 304)
    for (const path of [
      '/console/',
      '/console/p/shop/flags/a',
      '/console/p/a%22b/flags',
      '/console/p/%7Bproject%7D/flags',
    ])
      assert.equal((await get(path, {}, { of })).body.toString(), page, path)
  } finally {
    await of.close()
    rmSync(built, { recursive: true })
  }
})

test('the page runs no script but its own, and parses no text as markup', async () => {
  const { headers } = await get('/console/')
  const policy = String(headers['content-security-policy'])
  for (const directive of [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ])
    assert.ok(policy.split('; ').includes(directive), directive)
  assert.equal(headers['x-content-type-options'], 'nosniff')
  assert.equal(headers['referrer-policy'], 'no-referrer')
  assert.equal(headers['cross-origin-opener-policy'], 'same-origin')
  assert.match(String(headers['permissions-policy']), /camera=\(\)/)
})

test('a page that the browser has is not sent again', async () => {
  const { headers } = await get('/console/')
  const again = await get('/console/keys', { 'if-none-match': headers.etag })
  assert.equal(again.status, 304)
  assert.equal(again.body.length, 0)
  assert.equal(again.headers.etag, headers.etag)
  assert.equal((await get('/console/', { 'if-none-match': '"another"' })).status, 200)
})

for (const [accepted, encoding, decode] of [
  ['gzip, deflate, br, zstd', 'br', brotliDecompressSync],
  ['gzip, deflate', 'gzip', gunzipSync],
  ['br;q=0, gzip', 'gzip', gunzipSync],
  ['identity', undefined, (body: Buffer) => body],
  ['', undefined, (body: Buffer) => body],
] as const)
  test(`an asset for Accept-Encoding "${accepted}" is sent as ${encoding ?? 'it is'}`, async () => {
    const { status, headers, body } = await get('/console/assets/main-AB12.js', { 'accept-encoding': accepted })
    assert.equal(status, 200)
    assert.equal(headers['content-encoding'], encoding)
    assert.equal(headers['content-type'], 'text/javascript; charset=utf-8')
    assert.equal(headers['cache-control'], 'public, max-age=31536000, immutable')
    assert.equal(headers['vary'], 'accept-encoding')
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['content-security-policy'], undefined, 'headers of pages are not repeated')
    assert.equal(decode(body).toString(), SCRIPT)
  })

test('an asset without a compressed copy is sent as it is', async () => {
  const { headers, body } = await get('/console/assets/small-CD34.css', { 'accept-encoding': 'br' })
  assert.equal(headers['content-encoding'], undefined)
  assert.equal(headers['content-type'], 'text/css; charset=utf-8')
  assert.equal(body.toString(), 'a{}')
})

for (const name of [
  'main-XXXX.js',
  'main-AB12.js.br',
  '',
  '..%2findex.html',
  '%2e%2e%2findex.html',
  'a/main-AB12.js',
  '%00',
])
  test(`the unknown asset "${name}" is a problem, and no page`, async () => {
    const { status, headers, body } = await get(`/console/assets/${name}`)
    assert.equal(status, 404)
    assert.match(headers['content-type'] ?? '', /^application\/problem\+json/)
    assert.ok(!body.includes('<'))
  })

test('a new build is served without a restart', async () => {
  const built = mkdtempSync(join(tmpdir(), 'flagstaff-console-'))
  mkdirSync(join(built, 'assets'))
  writePage(built, 'old')
  const of = await openListening({ dependencies: { console: { publicPath: '', folder: built } } })
  try {
    assert.equal((await get('/console/', {}, { of })).body.toString(), 'old')
    writeFileSync(join(built, 'assets/new-AB12.js'), SCRIPT)
    writePage(built, 'new')
    utimesSync(join(built, 'index.html'), new Date(), new Date(Date.now() + 5_000))
    assert.equal((await get('/console/', {}, { of })).body.toString(), 'new')
    assert.equal((await get('/console/assets/new-AB12.js', {}, { of })).status, 200)
  } finally {
    await of.close()
    rmSync(built, { recursive: true })
  }
})

test('a page that can no longer be read is a problem document', async () => {
  const built = mkdtempSync(join(tmpdir(), 'flagstaff-console-'))
  mkdirSync(join(built, 'assets'))
  writePage(built, HTML)
  const of = await openListening({ dependencies: { console: { publicPath: '', folder: built } } })
  try {
    assert.equal((await get('/console/', {}, { of })).status, 200)
    rmSync(built, { recursive: true })
    const { status, headers, body } = await get('/console/', {}, { of })
    assert.deepEqual([status, headers['content-type']], [500, 'application/problem+json'])
    assert.equal(JSON.parse(body.toString()).detail, 'Internal error')
  } finally {
    await of.close()
  }
})

test('HEAD answers as GET, without the body', async () => {
  for (const path of ['/console/', '/console/assets/main-AB12.js']) {
    const { status, headers, body } = await get(path, {}, { method: 'HEAD' })
    assert.equal(status, 200)
    assert.equal(body.length, 0)
    assert.equal(headers['content-type'], (await get(path)).headers['content-type'])
  }
})

test('nothing but GET and HEAD is answered', async () => {
  for (const method of ['POST', 'PUT', 'DELETE'])
    assert.equal((await get('/console/keys', {}, { method })).status, 404, method)
})

test('/ leads browsers to the console, and no other client', async () => {
  const browser = await get('/', { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' })
  assert.deepEqual([browser.status, browser.headers.location], [302, '/console/'])
  for (const accept of ['*/*', 'application/json', 'application/json, text/html;q=0.5'])
    assert.equal((await get('/', { accept })).status, 404, accept)
  const bare = await get('/console')
  assert.deepEqual([bare.status, bare.headers.location], [302, '/console/'])
})

test('below a path prefix the page and the redirects name it', async () => {
  const { body } = await get('/console/', {}, { of: prefixed })
  assert.equal(body.toString(), HTML.replace('"/console/', '"/flags/console/'))
  const root = await get('/', { accept: 'text/html' }, { of: prefixed })
  assert.equal(root.headers.location, '/flags/console/')
})

test('FLAGSTAFF_CONSOLE=off serves none of it', async () => {
  for (const path of ['/', '/console', '/console/', '/console/assets/main-AB12.js'])
    assert.equal((await get(path, { accept: 'text/html' }, { of: off })).status, 404, path)
})

test('the page is served over HTTP/2', async () => {
  const client = new H2Client(`http://127.0.0.1:${listening.grpcPort}`)
  try {
    const page = await client.send({ ':method': 'GET', ':path': '/console/', 'content-type': 'text/plain' })
    assert.equal(page.headers[':status'], 200)
    assert.equal(page.body.toString(), HTML)
  } finally {
    client.session.close()
  }
})
