import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { after, before, test } from 'node:test'
import { listen } from '../../src/server/listen.ts'
import type { Server } from '../../src/server/server.ts'
import { H2Client } from '../support/h2.ts'
import { RUNTIME } from '../support/process.ts'
import { Flag, headerBlock, PREFACE, RawH2, rawFrame, SETTINGS, Type } from '../support/raw-h2.ts'

const HOST = '127.0.0.1'
const times = { silentMs: 300, headersMs: 300, requestMs: 600, keepAliveMs: 1_000 }

let server: Server
let http1 = 0
let http2c = 0
const gate = Promise.withResolvers<void>()
const HALVES = {
  'half of its headers': 'POST / HTTP/1.1\r\nHost: a\r\n',
  'half of its body': 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello',
  'half of a chunk': 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhello',
}
/** The bytes that such a client receives until its connection ends. All start at once, because they take long. */
const halves: Record<string, Promise<string>> = {}
before(async () => {
  server = await listen({
    fetch: async (request) => {
      if (request.url.endsWith('/slow')) await gate.promise
      return new Response(`got ${(await request.text()).length}`)
    },
    takeStream: () => false,
    host: HOST,
    port: 0,
    bodyBytesMax: 1_000_000,
    times,
  })
  http1 = server.port
  http2c = server.grpcPort ?? 0
  for (const [what, bytes] of Object.entries(HALVES)) halves[what] = (await connect(http1, bytes)).closed
})
after(() => server.close(AbortSignal.timeout(1_000)))

async function connect(port: number, bytes: string | Uint8Array): Promise<{ closed: Promise<string> }> {
  const socket = net.connect(port, HOST)
  let text = ''
  socket.on('error', () => undefined)
  socket.on('data', (chunk) => {
    text += chunk
  })
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(text)))
  await once(socket, 'connect')
  socket.write(bytes)
  return { closed }
}

const head = (method: string, path: string) =>
  headerBlock({ ':method': method, ':scheme': 'http', ':path': path, ':authority': 'a' })
const isBye = ({ type }: { type: number }) => type === Type.goAway

for (const [what, bytes] of [
  ['sends nothing', ''],
  ['sends a part of the preface', 'PR'],
  ['sends half of the preface', 'PRI * HTTP/2.0\r\n'],
  ['sends the preface and no settings', PREFACE],
] as const)
  test(`an HTTP/2 connection that ${what} is closed`, async () => {
    await (await connect(http2c, bytes)).closed
  })

for (const what of Object.keys(HALVES))
  test(`a request over HTTP/1.1 that sends ${what} is ended`, async () => {
    const text = await halves[what]
    // Bun's own limit for headers is about 10 s, and it closes without a response.
    assert.match(text ?? '', RUNTIME === 'node' ? /^HTTP\/1\.1 408 / : /^(HTTP\/1\.1 (408|400) |$)/)
  })

test('an HTTP/1.1 connection without requests is closed', async () => {
  const text = await (await connect(http1, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n')).closed
  assert.match(text, /got 0$/)
})

test('a request over HTTP/2 that never ends is reset, and its connection stays open', async () => {
  const connection = await RawH2.connect(http2c)
  connection.socket.write(rawFrame(Type.headers, Flag.endHeaders, 1, head('POST', '/')))
  connection.socket.write(rawFrame(Type.data, 0, 1, Buffer.from('half of it')))
  const end = await connection.until(({ type, stream }) => type === Type.reset && stream === 1)
  assert.ok(end)
  connection.socket.write(rawFrame(Type.headers, Flag.endHeaders | Flag.endStream, 3, head('POST', '/')))
  const answer = await connection.until(({ type, stream }) => type === Type.data && stream === 3)
  assert.equal(String(answer?.payload), 'got 0')
  connection.socket.destroy()
})

test('an HTTP/2 connection without requests receives GOAWAY, one with a request stays', async () => {
  const busy = await RawH2.connect(http2c)
  busy.socket.write(rawFrame(Type.headers, Flag.endHeaders | Flag.endStream, 1, head('GET', '/slow')))
  const idle = await RawH2.connect(http2c)
  assert.equal((await idle.until(isBye))?.payload.readUInt32BE(4), 0)
  await idle.closed
  assert.equal(busy.frames.find(isBye), undefined)
  gate.resolve()
  const answer = await busy.until(({ type }) => type === Type.data)
  assert.equal(String(answer?.payload), 'got 0')
  busy.socket.destroy()
})

test('a client within the time limits is answered', async () => {
  const client = new H2Client(`http://${HOST}:${http2c}`)
  await once(client.session, 'remoteSettings')
  await new Promise((resolve) => setTimeout(resolve, 2 * times.headersMs))
  const answer = await client.send({ ':path': '/', 'content-type': 'text/plain' }, [SETTINGS])
  assert.equal(String(answer.body), `got ${SETTINGS.byteLength}`)
  client.close()
})
