import assert from 'node:assert/strict'
import { once } from 'node:events'
import http2, { type ServerHttp2Stream } from 'node:http2'
import net from 'node:net'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { listen } from '../../src/server/listen.ts'
import type { Server } from '../../src/server/server.ts'
import { H2Client } from '../support/h2.ts'
import { Flag, headerBlock, type RawFrame, RawH2, rawFrame, reset, Type } from '../support/raw-h2.ts'

const HOST = '127.0.0.1'
/** More resets than the limit. */
const RESETS = 20_000
const IS_NODE = !('Bun' in globalThis)
const fetchOf = async (request: Request): Promise<Response> =>
  new Response(`${request.method} ${new URL(request.url).pathname} ${(await request.text()).length}`)

let server: Server
let port = 0
before(async () => {
  server = await listen({ fetch: fetchOf, takeStream: () => false, host: HOST, port: 0, bodyBytesMax: 1_000_000 })
  port = server.grpcPort ?? 0
})
after(() => server.close(AbortSignal.timeout(500)))

const answers = async () => {
  const client = new H2Client(`http://${HOST}:${port}`)
  const { body } = await client.send({ ':path': '/alive', 'content-type': 'text/plain' })
  client.close()
  return body.toString()
}

/** Sends text in pieces, each in a separate packet, and reads until `bytes` came or the connection ends. */
async function raw(pieces: readonly string[], until: RegExp): Promise<string> {
  const socket = net.connect(server.port, HOST).setNoDelay(true)
  await once(socket, 'connect')
  let got = ''
  const done = new Promise<void>((resolve) => {
    socket.on('data', (chunk) => {
      got += chunk.toString('latin1')
      if (until.test(got)) resolve()
    })
    socket.on('close', () => resolve())
  })
  socket.on('error', () => undefined)
  for (const piece of pieces) {
    socket.write(piece, 'latin1')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  await done
  socket.destroy()
  return got
}

const request = (method: string, body = '') =>
  `${method} /x HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n${body}`

for (const method of ['POST', 'PUT', 'PATCH', 'PROPFIND', 'DELETE'])
  test(`${method} in single bytes is HTTP/1.1`, async () => {
    const got = await raw([...request(method)], /\r\n\r\n.*x 0/s)
    assert.match(got, /^HTTP\/1\.1 200/)
    assert.ok(got.includes(`${method} /x 0`), got)
  })

test('requests in one packet are answered in order', async () => {
  const got = await raw([request('POST', 'ab') + request('PUT', 'abc')], /PUT \/x 3/)
  assert.match(got, /POST \/x 2.*PUT \/x 3/s)
})

test('a first packet of 100,000 bytes is read whole', async () => {
  assert.match(await raw([request('POST', 'y'.repeat(100_000))], /x 100000/), /POST \/x 100000/)
})

if (IS_NODE)
  test('HTTP/2 whose first bytes arrive one by one is detected on the same port', async () => {
    assert.equal(port, server.port)
    const settings = '\0\0\0\x04\0\0\0\0\0'
    const got = await raw([...'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', settings], /^[\s\S]{9}/)
    assert.equal(got.charCodeAt(3), 4, 'a SETTINGS frame')
    assert.equal(await answers(), 'POST /alive 0')
  })

test('headers that are too large are refused, and the server continues', async () => {
  const client = new H2Client(`http://${HOST}:${port}`)
  const headers = { ':path': '/', 'content-type': 'text/plain', large: 'x'.repeat(100_000) }
  const refused = await client.send(headers).then(
    ({ headers: head }) => String(head[':status']),
    () => 'broken',
  )
  assert.ok(refused === '431' || refused === 'broken', refused)
  client.close()
  assert.equal(await answers(), 'POST /alive 0')
  if (IS_NODE) assert.match(await raw([`GET / HTTP/1.1\r\nlarge: ${'x'.repeat(100_000)}\r\n\r\n`], /431/), /431/)
})

test('bytes that are not HTTP end the connection, and the server continues', async () => {
  assert.doesNotMatch(await raw(['\x16\x03\x01\x02\0\x01\0\x01\xfc'], /400/), /200/)
  const socket = net.connect(port, HOST)
  socket.on('error', () => undefined)
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  socket.write(Buffer.alloc(1_000, 0xff))
  socket.resume()
  await once(socket, 'close')
  assert.equal(await answers(), 'POST /alive 0')
})

test('a client that keeps opening and resetting streams is disconnected, and others are served', async () => {
  const client = await RawH2.connect(port)
  const block = headerBlock({ ':method': 'POST', ':scheme': 'http', ':authority': 'a', ':path': '/x' })
  const isEnd = ({ type, payload }: RawFrame) =>
    type === Type.goAway && payload.readUInt32BE(4) !== http2.constants.NGHTTP2_NO_ERROR
  const isCut = () => client.socket.destroyed || client.frames.some(isEnd)
  for (let sent = 0; sent < RESETS && !isCut(); sent += 100) {
    const pairs = Array.from({ length: 100 }, (_, at) => 2 * (sent + at) + 1).flatMap((stream) => [
      rawFrame(Type.headers, Flag.endHeaders, stream, block),
      reset(stream),
    ])
    client.socket.write(Buffer.concat(pairs))
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  assert.ok(isCut(), `${RESETS} streams were opened and reset`)
  const code = client.frames.find(isEnd)?.payload.readUInt32BE(4)
  if (IS_NODE) assert.equal(code, http2.constants.NGHTTP2_INTERNAL_ERROR) // Bun loses GOAWAY together with its unsent data
  client.socket.destroy()
  assert.equal(await answers(), 'POST /alive 0')
})

test('pings are answered, also without a stream', async () => {
  const client = new H2Client(`http://${HOST}:${port}`)
  await once(client.session, 'connect')
  for (let count = 0; count < 50; count++)
    await new Promise<void>((resolve, reject) => client.session.ping((error) => (error ? reject(error) : resolve())))
  assert.ok(!client.session.closed)
  client.close()
})

test('a stream is closed when its client disconnects without a frame', async () => {
  const taken = Promise.withResolvers<ServerHttp2Stream>()
  const takeStream = (stream: ServerHttp2Stream) => {
    stream.on('error', () => undefined)
    stream.respond({ ':status': 200 })
    stream.write(Buffer.alloc(1_000_000)) // more than the flow-control windows
    taken.resolve(stream)
    return true
  }
  const own = await listen({ fetch: fetchOf, takeStream, host: HOST, port: 0, bodyBytesMax: 1_000 })
  const socket = net.connect(own.grpcPort ?? 0, HOST)
  const session = http2.connect(`http://${HOST}`, { createConnection: () => socket })
  session.on('error', () => undefined)
  const request = session.request({ ':method': 'POST' })
  request.on('error', () => undefined)
  await once(request, 'response')
  const stream = await taken.promise
  const closed = new Promise((resolve) => stream.on('close', resolve))
  socket.destroy()
  await closed
  await own.close()
})

test('close() sends GOAWAY, lets an open request finish and loses none in transit', async () => {
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const fetch = async (given: Request) => {
    if (given.url.endsWith('/slow')) await held
    return new Response('done')
  }
  const own = await listen({ fetch, takeStream: () => false, host: HOST, port: 0, bodyBytesMax: 1_000 })
  const session = http2.connect(`http://${HOST}:${own.grpcPort}`)
  const goodbye = once(session, 'goaway')
  const slow = session.request({ ':path': '/slow' })
  await new Promise((resolve) => setTimeout(resolve, 50))
  const closed = own.close()
  await goodbye
  release()
  assert.equal(await text(slow), 'done')
  await closed
  assert.ok(session.closed || session.destroyed)
})
