import assert from 'node:assert/strict'
import { once } from 'node:events'
import http2 from 'node:http2'
import net from 'node:net'
import { after, before, test } from 'node:test'
import { listen } from '../../src/server/listen.ts'
import type { Server } from '../../src/server/server.ts'
import { H2Client } from '../support/h2.ts'
import { RUNTIME } from '../support/process.ts'
import { Flag, headerBlock, PREFACE, RawH2, rawFrame, SETTINGS, Type } from '../support/raw-h2.ts'

const HOST = '127.0.0.1'
/** On Bun, HTTP/2 is served only at a separate port. */
const PORTS = RUNTIME === 'node' ? (['shared', 'second'] as const) : (['second'] as const)

let server: Server
let http1 = 0
let http2c = 0
before(async () => {
  server = await listen({
    fetch: async (request) => new Response(`${request.method} ${(await request.text()).length}`),
    takeStream: () => false,
    host: HOST,
    port: 0,
    bodyBytesMax: 1_000_000,
  })
  http1 = server.port
  http2c = server.grpcPort ?? 0
})
after(() => server.close(AbortSignal.timeout(1_000)))

/** All bytes that an HTTP/1.1 connection receives until it is closed; the last request has `Connection: close`. */
async function exchange(port: number, chunks: readonly (string | Uint8Array)[]): Promise<string> {
  const socket = net.connect(port, HOST).setNoDelay(true)
  let text = ''
  socket.on('error', () => undefined)
  socket.on('data', (chunk) => {
    text += chunk
  })
  const closed = new Promise((resolve) => socket.once('close', resolve))
  await once(socket, 'connect')
  for (const chunk of chunks) {
    socket.write(chunk)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await closed
  return text
}

const bodiesOf = (text: string): string[] => [...text.matchAll(/^[A-Z]+ \d+(?=HTTP|$)/gm)].map(([body]) => body)
const request = (method: string, body = '', close = true) =>
  `${method} /x HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n${close ? 'Connection: close\r\n' : ''}\r\n${body}`
const singly = (bytes: Uint8Array | string) => [...Buffer.from(bytes)].map((byte) => Uint8Array.of(byte))

test('HTTP/2 has a separate port on Bun only', () => {
  assert.equal(http1 === http2c, RUNTIME === 'node')
})

for (const method of ['DELETE', 'POST', 'PUT', 'PATCH', 'PROPFIND'])
  for (const [how, cut] of [
    ['at once', (text: string) => [text]],
    ['byte by byte', singly],
    ['after its first letter', (text: string) => [text.slice(0, 1), text.slice(1)]],
    ['after its third letter', (text: string) => [text.slice(0, 3), text.slice(3)]],
  ] as const)
    test(`an HTTP/1.1 ${method} that arrives ${how} is answered`, async () => {
      assert.deepEqual(bodiesOf(await exchange(http1, cut(request(method, 'hello')))), [`${method} 5`])
    })

test('requests in one packet are answered in order', async () => {
  const all = [request('POST', 'one', false), request('PUT', '', false), request('PATCH', 'three')].join('')
  assert.deepEqual(bodiesOf(await exchange(http1, [all])), ['POST 3', 'PUT 0', 'PATCH 5'])
})

test('a first packet of half a megabyte is one request', async () => {
  assert.deepEqual(bodiesOf(await exchange(http1, [request('POST', 'x'.repeat(500_000))])), ['POST 500000'])
})

const call = rawFrame(
  Type.headers,
  Flag.endHeaders | Flag.endStream,
  1,
  headerBlock({ ':method': 'GET', ':scheme': 'http', ':path': '/', ':authority': 'a' }),
)
const greeting = Buffer.concat([PREFACE, SETTINGS])
for (const [how, chunks] of [
  ['with a request in the first packet', [Buffer.concat([greeting, call])]],
  ['byte by byte', singly(Buffer.concat([greeting, call]))],
  ['after "P"', [greeting.subarray(0, 1), greeting.subarray(1), call]],
  ['after "PR"', [greeting.subarray(0, 2), greeting.subarray(2), call]],
  ['after "PRI"', [greeting.subarray(0, 3), greeting.subarray(3), call]],
  ['after the preface', [PREFACE, SETTINGS, call]],
] as const)
  for (const which of PORTS)
    test(`HTTP/2 without TLS that arrives ${how} is answered at the ${which} port`, async () => {
      const connection = await RawH2.connect(which === 'shared' ? http1 : http2c, new Uint8Array())
      for (const chunk of chunks) {
        connection.socket.write(chunk)
        await new Promise((resolve) => setImmediate(resolve))
      }
      const answer = await connection.until(({ type }) => type === Type.data)
      assert.equal(String(answer?.payload), 'GET 0')
      connection.socket.destroy()
    })

for (const [what, bytes] of [
  ['an incorrect preface', 'PRI * HTTP/3.0\r\n\r\nSM\r\n\r\n'],
  ['no HTTP at all', 'SSH-2.0-OpenSSH_9.9\r\n\r\n'],
  ['a TLS handshake', Buffer.from('16030100', 'hex')],
  ['zeros', Buffer.alloc(100)],
  ['a preface and frames that are none', Buffer.concat([PREFACE, Buffer.alloc(500, 0xff)])],
  ['a preface and a request before the settings', Buffer.concat([PREFACE, call])],
] as const)
  for (const which of ['HTTP/1.1', 'HTTP/2'] as const)
    test(`${what} at the port of ${which} ends the connection, and the next one is answered`, async () => {
      const port = which === 'HTTP/1.1' ? http1 : http2c
      const socket = net.connect(port, HOST)
      socket.on('error', () => undefined).resume()
      socket.end(bytes)
      await new Promise((resolve) => socket.once('close', resolve))
      assert.deepEqual(bodiesOf(await exchange(http1, [request('PUT')])), ['PUT 0'])
      const client = new H2Client(`http://${HOST}:${http2c}`)
      assert.equal(String((await client.send({ ':path': '/', 'content-type': 'text/plain' })).body), 'POST 0')
      client.close()
    })

for (const which of ['shared', 'second'] as const)
  test(`clients that disconnect at once, or after some bytes, do not affect the ${which} port`, async () => {
    const port = which === 'shared' ? http1 : http2c
    for (const bytes of ['', 'P', 'PR', 'PRI', 'PRI * HTTP/2.0\r\n\r\n', 'POST /']) {
      const socket = net.connect(port, HOST)
      await once(socket, 'connect')
      socket.write(bytes)
      socket.resetAndDestroy()
    }
    const session = http2.connect(`http://${HOST}:${http2c}`)
    const stream = session.request({ ':path': '/' })
    const [headers] = await once(stream, 'response')
    assert.equal(headers[':status'], 200)
    session.destroy()
  })

for (const [what, begin] of [
  ['nothing', ''],
  ['too few bytes to detect HTTP/2', 'P'],
] as const)
  test(`a connection whose client has sent ${what} and closes is closed at once`, async () => {
    const socket = net.connect(http1, HOST)
    const closed = once(socket, 'close', { signal: AbortSignal.timeout(10_000) }) // a silent connection may stay for 60 s
    await once(socket, 'connect')
    socket.resume().end(begin)
    await closed
  })
