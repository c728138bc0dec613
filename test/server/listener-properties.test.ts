import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { listen } from '../../src/server/listen.ts'
import { ConcurrencyLimit } from '../../src/server/requests.ts'
import type { Server } from '../../src/server/server.ts'
import { newCounter } from '../../src/telemetry/metrics.ts'
import { kill, type Program, RUNTIME, runProgram } from '../support/process.ts'
import { RawH1 } from '../support/raw-h1.ts'

const HOST = 'Host: localhost\r\n'
const MEBIBYTE = 1_048_576
const BODY_BYTES_MAX = 100 * MEBIBYTE

/** Events of the fetch below that tests wait for. */
const gate = Promise.withResolvers<void>()
let fetched: string[] = []
let pulled = 0
const cancelled = Promise.withResolvers<void>()
const aborted = Promise.withResolvers<void>()

/** Echoes the request, or responds as the path selects. */
const DOORS: Record<string, (request: Request) => Response | Promise<Response>> = {
  '/unread': () => new Response('not read'),
  '/late': async (request) => {
    await gate.promise
    return new Response(`late ${await request.text()}`)
  },
  '/endless': ({ signal }) => {
    signal.addEventListener('abort', () => aborted.resolve())
    const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
      pulled += 1
      controller.enqueue(new Uint8Array(MEBIBYTE))
    }
    return new Response(new ReadableStream({ pull, cancel: () => cancelled.resolve() }))
  },
  '/broken': () => {
    const pieces = ['one', 'two']
    const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
      const piece = pieces.shift()
      if (piece === undefined) controller.error(new Error('broken'))
      else controller.enqueue(Buffer.from(piece))
    }
    return new Response(new ReadableStream({ pull }))
  },
  '/pieces': () => {
    const pieces = ['one', '', 'two']
    const pull = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
      await new Promise((resolve) => setTimeout(resolve, 1))
      const piece = pieces.shift()
      if (piece === undefined) controller.close()
      else controller.enqueue(Buffer.from(piece))
    }
    return new Response(new ReadableStream({ pull }))
  },
}

const HEADERS = { 'content-type': 'text/plain', 'x-own': 'yes' }

async function evaluate(request: Request): Promise<Response> {
  const { pathname, search } = new URL(request.url)
  if (search === '?unchanged') return new Response(null, { status: 304 })
  if (search === '?refused') return new Response('no', { status: 401 })
  const text = await request.text()
  return new Response(search === '?large' ? text + 'x'.repeat(8 * MEBIBYTE) : `${pathname} ${text}`, {
    headers: HEADERS,
  })
}

let server: Server
before(async () => {
  server = await listen({
    fetch: async (request) => {
      const { pathname } = new URL(request.url)
      if (pathname === '/evaluate') return evaluate(request)
      fetched.push(`${request.method} ${pathname}`)
      return DOORS[pathname]?.(request) ?? new Response(`${pathname} ${await request.text()}`)
    },
    host: '127.0.0.1',
    port: 0,
    bodyBytesMax: BODY_BYTES_MAX,
  })
})
after(() => server.close(AbortSignal.timeout(100)))

const connect = () => RawH1.connect(server.port)
const evaluation = (body: string, path = '/evaluate') =>
  `POST ${path} HTTP/1.1\r\n${HOST}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${Buffer.from(body).toString('latin1')}`

/** All bytes of the response to these bytes, until the server closes. */
async function receive(bytes: string, end = false): Promise<string> {
  const socket = net.connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk
  })
  socket.on('error', () => undefined).once('end', () => socket.end())
  await once(socket, 'connect')
  socket.write(bytes, 'latin1')
  if (end) socket.end()
  await new Promise((resolve) => socket.once('close', resolve))
  return text
}

test('an evaluation has the headers of its response and a length in bytes', async () => {
  const text = await receive(evaluation('Grüße').replace(HOST, `${HOST}Connection: close\r\n`))
  assert.match(text, /^HTTP\/1\.1 200 OK\r\n/)
  assert.match(text, /\r\ncontent-type: text\/plain\r\n/i)
  assert.match(text, /\r\nx-own: yes\r\n/i)
  if (RUNTIME === 'node') assert.match(text, /\r\nconnection: close\r\n/i) // Bun closes without announcing it
  assert.match(text, /\r\ndate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/i)
  const body = text.slice(text.indexOf('\r\n\r\n') + 4)
  assert.equal(Buffer.from(body, 'latin1').toString(), '/evaluate Grüße')
  assert.match(text, new RegExp(`\r\ncontent-length: ${body.length}\r\n`, 'i'))
})

test('an evaluation whose body arrives in single bytes is answered, and the next on its connection', async () => {
  const client = await connect()
  const bytes = evaluation('{"a":1}')
  for (const byte of bytes.slice(0, -1)) {
    client.write(byte)
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.equal((await client.send(bytes.slice(-1))).body, '/evaluate {"a":1}')
  assert.equal((await client.send(evaluation('2'))).body, '/evaluate 2')
  client.close()
})

test('an evaluation in chunks is answered', async () => {
  const client = await connect()
  const head = `POST /evaluate HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`
  assert.equal((await client.send(`${head}3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n`)).body, '/evaluate onetwo')
  assert.equal((await client.send(evaluation('3'))).body, '/evaluate 3')
  client.close()
})

test('a response without a body has no length, and the connection stays open', async () => {
  const client = await connect()
  client.write(evaluation('', '/evaluate?unchanged'))
  const { status, length } = await client.head()
  assert.deepEqual([status, length], [304, 0])
  client.write(`HEAD /x HTTP/1.1\r\n${HOST}\r\n`)
  assert.equal((await client.head()).status, 200)
  assert.equal((await client.send(evaluation('next'))).body, '/evaluate next')
  client.close()
})

test('a thousand pipelined evaluations are answered in order, mixed with other requests', async () => {
  const client = await connect()
  const other = (n: number) => `GET /other-${n} HTTP/1.1\r\n${HOST}\r\n`
  const all = Array.from({ length: 1_000 }, (_, n) => (n % 97 === 96 ? other(n) : evaluation(String(n))))
  client.write(all.join(''))
  for (let n = 0; n < 1_000; n += 1) {
    const { body } = await client.send('')
    assert.equal(body, n % 97 === 96 ? `/other-${n} ` : `/evaluate ${n}`)
  }
  client.close()
})

test('a client that reads slowly receives all of a large response, and of the next', async () => {
  const socket = net.connect(server.port, '127.0.0.1')
  const request = evaluation('a', '/evaluate?large')
  socket.write(request)
  let size = 0
  for await (const chunk of socket) {
    if (size <= 8 * MEBIBYTE && size + chunk.byteLength > 8 * MEBIBYTE) socket.write(request)
    size += chunk.byteLength
    if (size % 7 === 0) await sleep(1)
    if (size > 16 * MEBIBYTE) break
  }
  assert.ok(size > 16 * MEBIBYTE)
})

test('a client with Expect: 100-continue receives one 100, even if the request is then refused', async () => {
  const head = (path: string) =>
    `POST ${path} HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n`
  const socket = net.connect(server.port, '127.0.0.1')
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk
  })
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.write(head('/evaluate'))
  await once(socket, 'data')
  assert.equal(text, 'HTTP/1.1 100 Continue\r\n\r\n')
  for (const byte of 'body') {
    socket.write(byte)
    await sleep(1)
  }
  await closed
  assert.match(text, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 [\s\S]*\/evaluate body$/)
  assert.match(
    await receive(head('/evaluate?refused'), true),
    /100 Continue\r\n\r\nHTTP\/1\.1 401 |^HTTP\/1\.1 100 Continue\r\n\r\n$/,
  )
})

test('a client that has closed its sending half is answered if the response needs no wait', async () => {
  assert.match(await receive(evaluation('1'), true), /\/evaluate 1$/)
  assert.match(await receive(`GET /a HTTP/1.1\r\n${HOST}\r\n`, true), /\r\n\r\n\/a $/)
  const pending = receive(`POST /late HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\n1`, true)
  setTimeout(gate.resolve, 20)
  assert.match(await pending, /late 1$|^$/)
})

test('a short body that the handler does not read is skipped, and a long one ends the connection', async () => {
  const client = await connect()
  client.write(`POST /unread HTTP/1.1\r\n${HOST}Content-Length: 4\r\n\r\nbo`)
  const { closes, length } = await client.head()
  assert.deepEqual([closes, length], [false, 8])
  client.write('dy')
  client.close()
  const second = await connect()
  second.write(`POST /evaluate?refused HTTP/1.1\r\n${HOST}Content-Length: 4\r\n\r\nbo`)
  assert.equal((await second.send('')).status, 401)
  assert.equal((await second.send(`dy${evaluation('next')}`)).body, '/evaluate next')
  second.close()
})

test('a body that the handler does not read is not buffered', async () => {
  const socket = net.connect(server.port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(`POST /late-reader HTTP/1.1\r\n${HOST}Content-Length: ${64 * MEBIBYTE}\r\n\r\n`)
  DOORS['/late-reader'] = async (request) => {
    await sleep(200)
    assert.ok(socket.writableLength > 32 * MEBIBYTE, `${socket.writableLength} bytes are left`)
    return new Response(`read ${(await request.arrayBuffer()).byteLength}`)
  }
  socket.write(Buffer.alloc(64 * MEBIBYTE))
  const [answer] = await once(socket, 'data')
  assert.match(String(answer), /read 67108864$/)
  socket.destroy()
})

test('a stream is no faster than its client reads, and ends with it', async () => {
  const socket = net.connect(server.port, '127.0.0.1')
  socket.write(`GET /endless HTTP/1.1\r\n${HOST}\r\n`)
  await once(socket, 'readable')
  await sleep(200)
  assert.ok(pulled > 0 && pulled < 32, `${pulled} MiB were made`)
  socket.destroy()
  await cancelled.promise
  await aborted.promise
})

test('a stream is sent in chunks, and over HTTP/1.0 until the connection ends', async () => {
  const text = await receive(`GET /pieces HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`)
  assert.match(text, /\r\ntransfer-encoding: chunked\r\n/i)
  assert.match(text, /\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n$/)
  const old = await receive(`GET /pieces HTTP/1.0\r\n${HOST}\r\n`)
  assert.doesNotMatch(old, /transfer-encoding/i)
  assert.match(old, /\r\n\r\nonetwo$/)
})

test('a stream that fails ends the connection without its last chunk', async () => {
  const text = await receive(`GET /broken HTTP/1.1\r\n${HOST}\r\n`)
  assert.match(text, /^$|^HTTP\/1\.1 200 /)
  assert.doesNotMatch(text, /\r\n0\r\n/)
})

for (const [what, bytes] of [
  ['a method that there is not', `BREW /pot HTTP/1.1\r\n${HOST}\r\n`],
  ['two lengths', `POST /evaluate HTTP/1.1\r\n${HOST}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`],
  [
    'a length and chunks',
    `POST /evaluate HTTP/1.1\r\n${HOST}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  ['a space before a colon', `POST /evaluate HTTP/1.1\r\n${HOST}Content-Length : 1\r\n\r\na`],
  ['headers without end', `GET / HTTP/1.1\r\n${HOST}X: ${'x'.repeat(70_000)}`],
  ['no HTTP', 'SSH-2.0-OpenSSH_9.9\r\n\r\n'],
] as const)
  test(`a request with ${what} is refused, and later bytes are not read`, async () => {
    fetched = []
    const text = await receive(`${bytes}${evaluation('smuggled')}`)
    // A connection may be reset before its client has read the response, and Bun closes it without one for an unknown method.
    if (text !== '') assert.match(text, /^HTTP\/1\.1 (?:400|431|501) /)
    assert.doesNotMatch(text, /smuggled/)
    assert.deepEqual(fetched, [])
  })

test('bytes that are not HTTP do not affect the server', async () => {
  let seed = 7
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed
  }
  for (let n = 0; n < 200; n += 1) {
    const bytes = Buffer.from(Array.from({ length: random() % 300 }, () => random() % 256)).toString('latin1')
    await receive(n % 2 ? bytes : `POST /evaluate HTTP/1.1\r\n${HOST}${bytes}\r\n\r\n`, true)
  }
  const client = await connect()
  assert.equal((await client.send(evaluation('yes'))).body, '/evaluate yes')
  client.close()
})

test('8,000 pipelined requests are answered or end their connection, and probes on others are answered meanwhile', async () => {
  const size = 8_000
  const shed = newCounter()
  const limit = new ConcurrencyLimit({ requestsMax: 250, shed })
  const isProbe = (request: Request) => request.url.endsWith('/livez')
  const fetch = limit.wrap(
    async (request) => new Response(await request.text()),
    (request) => (isProbe(request) ? undefined : new Response(null, { status: 503 })),
  )
  const busy = await listen({ fetch, host: '127.0.0.1', port: 0, bodyBytesMax: BODY_BYTES_MAX })
  const socket = net.connect(busy.port, '127.0.0.1')
  let text = ''
  let isOver = false
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk
  })
  socket
    .on('error', () => undefined)
    .once('close', () => {
      isOver = true
    })
  const answers = () => text.match(/HTTP\/1\.1 (200|503)/g)?.length ?? 0
  socket.write(evaluation('{}').repeat(size))
  const probe = await RawH1.connect(busy.port)
  while (!isOver && answers() < size) {
    const begin = performance.now()
    assert.equal((await probe.send(`GET /livez HTTP/1.1\r\n${HOST}\r\n`)).status, 200)
    assert.ok(performance.now() - begin < 1_000, `${performance.now() - begin} ms`)
  }
  probe.close()
  socket.destroy()
  await busy.close(AbortSignal.abort())
})

test('a client that sends continuously and never reads costs little memory', async () => {
  const program = runProgram('test/server/listener.ts', {})
  const [, port] = await program.says(/"message":"Listening","port":(\d+)/)
  const sockets = Array.from({ length: 4 }, () => net.connect(Number(port), '127.0.0.1').pause())
  const before = residentBytes(program)
  for (const socket of sockets) {
    socket.on('error', () => undefined)
    const fill = () => {
      while (!socket.destroyed && socket.write(evaluation('{}', '/large').repeat(100)));
    }
    socket.on('drain', fill)
    fill()
  }
  await sleep(2_000) // long enough to detect growth
  assert.ok(residentBytes(program) - before < 64 * MEBIBYTE, `${(residentBytes(program) - before) / MEBIBYTE} MiB`)
  for (const socket of sockets) socket.destroy()
  await kill(program)
})

const residentBytes = ({ child }: Program): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) * 1_024
