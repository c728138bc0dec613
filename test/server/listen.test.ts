import assert from 'node:assert/strict'
import { once } from 'node:events'
import http2 from 'node:http2'
import net from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { listen } from '../../src/server/listen.ts'
import { kill, type Program, RUNTIME, runProgram } from '../support/process.ts'

const HOST = '127.0.0.1'
const REQUEST = 'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello'
const options = { fetch: () => new Response('ok'), host: HOST, bodyBytesMax: 1_000_000 }

/** Starts the listener in a separate process. */
async function startListener(env: Record<string, string> = {}): Promise<Program & { port: number; grpcPort: number }> {
  const program = runProgram('test/server/listener.ts', env)
  const [, port, grpcPort] = await program.says(/"message":"Listening","port":(\d+),"grpcPort":(\d+)/)
  return { ...program, port: Number(port), grpcPort: Number(grpcPort) }
}

async function connect(port: number): Promise<net.Socket> {
  const socket = net.connect(port, HOST)
  await once(socket, 'connect')
  return socket
}

/** The bytes that a socket receives until its end, or until `isEnough`. */
function receive(socket: net.Socket, isEnough: (text: string) => boolean = () => false): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  let text = ''
  const take = (chunk: Buffer) => {
    text += chunk
    if (isEnough(text)) done()
  }
  const done = () => {
    socket.off('data', take).off('close', done).off('error', done)
    resolve(text)
  }
  socket.on('data', take)
  socket.once('close', done)
  socket.once('error', done)
  return promise
}
const isAnswer = (text: string) => text.endsWith('/echo 5')

type Tally = { answered: number; lost: number }

/** One client that sends its next request after each response, until it can no longer connect. */
async function client(port: number, keepsAlive: boolean, tally: Tally): Promise<void> {
  for (;;) {
    let socket: net.Socket
    try {
      socket = await connect(port)
    } catch {
      return
    }
    let keeps = true
    while (keeps) {
      const answer = receive(socket, isAnswer)
      socket.write(REQUEST)
      const text = await answer
      if (isAnswer(text)) tally.answered += 1
      else tally.lost += 1
      keeps = keepsAlive && isAnswer(text) && !/connection: close/i.test(text)
    }
    socket.destroy()
  }
}

for (const keepsAlive of [true, false])
  test(`a signal loses no request of 40 busy clients that ${keepsAlive ? 'keep' : 'open new'} connections`, async () => {
    const program = await startListener()
    const tally: Tally = { answered: 0, lost: 0 }
    const clients = Array.from({ length: 40 }, () => client(program.port, keepsAlive, tally))
    while (tally.answered < 400) await new Promise((resolve) => setImmediate(resolve))
    program.child.kill('SIGTERM')
    const { code } = await program.ended
    await Promise.all(clients)
    assert.equal(code, 0)
    assert.equal(tally.lost, 0, `${tally.lost} lost, ${tally.answered} answered`)
  })

/** One client with `width` open requests on a connection until GOAWAY, and then on a new one, until it cannot connect. */
async function http2Client(port: number, width: number, tally: Tally): Promise<void> {
  for (;;) {
    const session = http2.connect(`http://${HOST}:${port}`)
    session.on('error', () => undefined)
    const gone = new Promise<true>((resolve) => session.once('close', () => resolve(true)))
    const greeted = new Promise<false>((resolve) => session.once('remoteSettings', () => resolve(false)))
    if (await Promise.race([gone, greeted])) return
    const lane = async () => {
      while (!session.closed && !session.destroyed) await http2Request(session, tally)
    }
    await Promise.all(Array.from({ length: width }, lane))
    session.close()
  }
}

async function http2Request(session: http2.ClientHttp2Session, tally: Tally): Promise<void> {
  const stream = session.request({ ':method': 'POST', ':path': '/echo' })
  let text = ''
  stream.on('error', () => undefined)
  stream.on('data', (chunk) => {
    text += chunk
  })
  const closed = new Promise((resolve) => stream.once('close', resolve))
  stream.end('hello')
  await closed
  if (text === '/echo 5') tally.answered += 1
  // Refused before processing: the client may send it to another replica.
  else if (stream.rstCode !== http2.constants.NGHTTP2_REFUSED_STREAM) tally.lost += 1
}

for (const which of RUNTIME === 'node' ? (['port', 'grpcPort'] as const) : (['grpcPort'] as const))
  test(`a signal loses no request of 20 busy HTTP/2 clients at ${which}`, async () => {
    const program = await startListener()
    const tally: Tally = { answered: 0, lost: 0 }
    const clients = Array.from({ length: 20 }, () => http2Client(program[which], 4, tally))
    while (tally.answered < 1_000) await new Promise((resolve) => setImmediate(resolve))
    program.child.kill('SIGTERM')
    const { code } = await program.ended
    await Promise.all(clients)
    assert.equal(code, 0)
    assert.equal(tally.lost, 0, `${tally.lost} lost, ${tally.answered} answered`)
  })

test('a signal lets an open request finish, with `Connection: close`, and closes an idle connection', async () => {
  const program = await startListener()
  const idle = await connect(program.port)
  const first = receive(idle, isAnswer)
  idle.write(REQUEST)
  await first
  const idleEnd = once(idle, 'close')
  const slow = await connect(program.port)
  const answer = receive(slow)
  slow.write(REQUEST.replace('/echo', '/slow'))
  await program.says(/Holding a request/)
  program.child.kill('SIGINT')
  const text = await answer
  assert.match(text, /^HTTP\/1\.1 200 /)
  assert.match(text, /\r\nconnection: close\r\n/i)
  assert.ok(text.endsWith('/slow 5'), text)
  await idleEnd
  assert.deepEqual(await program.ended, { code: 0, signal: null })
})

test('a client that pauses on its connection receives `Connection: close` with its next response, before the connection is closed', async () => {
  const program = await startListener()
  const pausing = await connect(program.port)
  const first = receive(pausing, isAnswer)
  pausing.write(REQUEST)
  await first
  program.child.kill('SIGTERM')
  await program.says(/"message":"Stopping"/)
  await sleep(300) // the pause is what is tested
  const last = receive(pausing)
  pausing.write(REQUEST)
  assert.match(await last, /^HTTP\/1\.1 200 [\s\S]*connection: close[\s\S]*\/echo 5$/i)
  assert.deepEqual(await program.ended, { code: 0, signal: null })
})

test('a stop without recent requests does not wait', async () => {
  const program = await startListener()
  const begin = performance.now()
  program.child.kill('SIGTERM')
  assert.deepEqual(await program.ended, { code: 0, signal: null })
  assert.ok(performance.now() - begin < 500, `${performance.now() - begin} ms`)
})

test('a silent connection does not delay the stop', async () => {
  const program = await startListener()
  const silent = await connect(program.port)
  silent.on('error', () => undefined)
  const begin = performance.now()
  program.child.kill('SIGTERM')
  assert.deepEqual(await program.ended, { code: 0, signal: null })
  // Its end is not awaited: Bun's listener does not accept silent connections (TCP_DEFER_ACCEPT), so there is none to close.
  silent.destroy()
  assert.ok(performance.now() - begin < 3_000, program.output())
})

for (const [what, sent] of [
  ['whose request never ends', REQUEST.replace('/echo', '/slow')],
  ['that sent half a request', REQUEST.slice(0, 20)],
] as const)
  test(`a client ${what} is disconnected before the deadline, and later steps still run`, async () => {
    const program = await startListener({ DEADLINE_MS: '1200', SLOW: 'forever' })
    const stuck = await connect(program.port)
    const cut = once(stuck, 'close')
    stuck.on('error', () => undefined)
    stuck.write(sent)
    // The response on another connection shows that the listener has read the earlier bytes.
    const probe = await connect(program.port)
    const seen = receive(probe, isAnswer)
    probe.write(REQUEST)
    await seen
    probe.destroy()
    program.child.kill('SIGTERM')
    const { code } = await program.ended
    await cut
    assert.equal(code, 0, program.output())
    assert.match(program.output(), /The step after the server ran/)
  })

test('a second signal exits at once with 1', async () => {
  const program = await startListener({ SLOW: 'forever' })
  const stuck = await connect(program.port)
  stuck.on('error', () => undefined)
  stuck.write(REQUEST.replace('/echo', '/slow'))
  await program.says(/Holding a request/)
  program.child.kill('SIGTERM')
  await program.says(/"message":"Stopping"/)
  program.child.kill('SIGTERM')
  const { code } = await program.ended
  assert.equal(code, 1)
  await kill(program)
})

test('listen() reports in one line a port that is in use, or an address that is not of this machine', async () => {
  const taken = net.createServer().listen(0, HOST)
  await once(taken, 'listening')
  const { port } = taken.address() as net.AddressInfo
  await assert.rejects(listen({ ...options, port }), {
    message: `Cannot start: port ${port} on ${HOST} is in use; set PORT to another`,
  })
  taken.close()
  // 192.0.2.1 is reserved for documentation (RFC 5737).
  await assert.rejects(listen({ ...options, port: 0, host: '192.0.2.1' }), /Cannot start: [^\n]*192\.0\.2\.1[^\n]*$/)
})

test('listen() returns its port, and close() frees it', async () => {
  const server = await listen({ ...options, port: 0 })
  assert.equal(await (await fetch(`http://${HOST}:${server.port}/`)).text(), 'ok')
  await server.close()
  const again = await listen({ ...options, port: server.port })
  assert.equal(again.port, server.port)
  await again.close()
})
