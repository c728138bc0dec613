import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { listen } from '../../../src/server/listen.ts'
import type { Server } from '../../../src/server/server.ts'
import { ofrepOver } from '../../support/ofrep.ts'

const BULK = '/ofrep/v1/evaluate/flags'
const on = { state: 'ENABLED', variants: { on: true }, defaultVariant: 'on' }
const DOCUMENTS = { 'shop/live': { flags: { plain: on, 'a/b': on, 'ż .%2F;?#': on, '..': on, 'a\\b': on } } }
const HEADERS = 'Host: localhost\r\nAuthorization: Bearer shop/live\r\nConnection: close\r\n'

const PLACE = { host: '127.0.0.1', port: 0, bodyBytesMax: 10_000_000 }
let server: Server
before(async () => {
  const app = ofrepOver(DOCUMENTS)
  server = await listen({ fetch: (request) => app.fetch(request), ...PLACE })
})
after(() => server.close())

type Exchange = { status: number; head: string; body: string }
/** Sends bytes unchanged, unlike HTTP clients, and reads the response until the server closes. */
async function exchange(...pieces: readonly (string | Uint8Array)[]): Promise<Exchange> {
  const socket = connect(server.port, '127.0.0.1')
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk) => {
    text += chunk
  })
  const closed = once(socket, 'close')
  for (const piece of pieces) socket.write(piece)
  await closed
  const [head = '', ...rest] = text.split('\r\n\r\n')
  return { status: Number(head.split(' ')[1]), head, body: rest.join('\r\n\r\n') }
}

const post = (path: string, headers = 'Content-Length: 0\r\n', ...body: (string | Uint8Array)[]) =>
  exchange(`POST ${path} HTTP/1.1\r\n${HEADERS}${headers}\r\n`, ...body)
/** The key in a response that may be chunked. */
const keyIn = (text: string): unknown => JSON.parse(/"key":("(?:[^"\\]|\\.)*")/.exec(text)?.[1] ?? 'null')

for (const [path, key] of [
  ['plain', 'plain'],
  ['pl%61in', 'plain'],
  ['a%2Fb', 'a/b'],
  ['a%2fb', 'a/b'],
  ['%C5%BC%20.%252F;%3F%23', 'ż .%2F;?#'],
  ['%C5%BC%20.%252F%3B%3F%23?flagConfigEtag=%', 'ż .%2F;?#'],
  ['a%5Cb', 'a\\b'],
] as const)
  test(`ofrep() over HTTP finds the flag ${key} at ${path}`, async () => {
    const { status, body } = await post(`${BULK}/${path}`)
    assert.equal(status, 200, body)
    assert.equal(keyIn(body), key)
  })

for (const path of ['%', '%zz', '%ff', 'a%2'])
  test(`ofrep() over HTTP refuses the flag key ${path}`, async () => {
    const { status, body } = await post(`${BULK}/${path}`)
    assert.equal(status, 400)
    assert.match(body, /invalid flag key/)
  })

for (const path of [
  `${BULK}/..`,
  `${BULK}/%2e%2e`,
  `${BULK}/x/..%2f..`,
  `/x/..${BULK}/a/b`,
  `/${BULK}`,
  `${BULK}//`,
  `${BULK}//plain`,
  '/OFREP/v1/evaluate/flags',
])
  test(`ofrep() over HTTP serves nothing at ${path}`, async () => {
    const { status, body } = await post(path)
    assert.ok(status === 404 || status === 400, `${status} ${body}`)
    assert.doesNotMatch(body, /"value"|"flags"/)
  })

const OVER = `{"context":{"a":"${'x'.repeat(200_000)}"}}`
const inChunks = (text: string) => [`${text.length.toString(16)}\r\n`, text, '\r\n0\r\n\r\n']
for (const [title, headers, body] of [
  ['with its length', `Content-Length: ${OVER.length}\r\n`, [OVER]],
  ['in chunks', 'Transfer-Encoding: chunked\r\n', inChunks(OVER)],
] as const)
  test(`ofrep() over HTTP answers 413 to a body too large ${title}`, async () => {
    const { status, body: answer } = await post(`${BULK}/plain`, headers, ...body)
    assert.equal(status, 413)
    assert.match(answer, /\{"errorDetails":"request body too large"\}/)
  })

test('ofrep() over HTTP reads a body in chunks, and one without a length as empty', async () => {
  assert.equal(
    (await post(`${BULK}/plain`, 'Transfer-Encoding: chunked\r\n', ...inChunks('{"context":{}}'))).status,
    200,
  )
  assert.equal((await post(`${BULK}/plain`, '')).status, 200)
})

test('ofrep() over HTTP refuses an incomplete UTF-8 sequence, even if its replacement has the same length', async () => {
  const body = Buffer.from('{"context":{"a":"\xf0\x9f\x98"}}', 'latin1')
  assert.equal((await post(`${BULK}/plain`, `Content-Length: ${body.byteLength}\r\n`, body)).status, 400)
})

test('ofrep() over HTTP reads no bytes after a body as part of it', async () => {
  const head = `POST ${BULK}/plain HTTP/1.1\r\n${HEADERS}Content-Length: 2\r\n\r\n`
  const { status, body } = await exchange(head, '{}', 'garbage')
  if (status === 200) assert.equal(keyIn(body), 'plain')
  else assert.equal(status, 400) // Node's parser refuses the second request before the first is answered
})

test('ofrep() over HTTP answers 304 without a body, its type or its length', async () => {
  const { head, status, body } = await post(BULK, 'Content-Length: 0\r\nIf-None-Match: *\r\n')
  assert.equal(status, 304)
  assert.equal(body, '')
  assert.match(head, /^etag: "[0-9a-f]{32}"$/im)
  assert.doesNotMatch(head, /^(?:content-type|content-length|transfer-encoding):/im)
})

test('ofrep() over HTTP refuses two keys', async () => {
  const { status } = await post(`${BULK}/plain`, 'Content-Length: 0\r\nAUTHORIZATION: Bearer other\r\n')
  assert.notEqual(status, 200)
})

test('ofrep() over HTTP answers 401 without reading the body', async () => {
  const { status, head } = await exchange(
    `POST ${BULK}/plain HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}`,
  )
  assert.equal(status, 401)
  assert.match(head, /^www-authenticate: Bearer$/im)
  assert.match(head, /^cache-control: no-store$/im)
})
