import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { type TestContext, test } from 'node:test'
import { listen } from '../../src/server/listen.ts'
import { TIMES, type Times } from '../../src/server/server.ts'
import { H2Client } from '../support/h2.ts'
import { RUNTIME } from '../support/process.ts'
import { Flag, headerBlock, PREFACE, RawH2, rawFrame, SETTINGS, Type } from '../support/raw-h2.ts'

// The first clients of a port: on Bun, they cause HTTP/2 to be loaded.
const HOST = '127.0.0.1'
const CLIENTS = 20
/** The port of HTTP/1.1, which on Node has HTTP/2 as well, or that of HTTP/2 alone. */
type Which = 'shared' | 'second'
const PORTS: readonly Which[] = RUNTIME === 'node' ? ['shared', 'second'] : ['second']

async function open(t: TestContext, which: Which, times: Partial<Times> = {}) {
  const server = await listen({
    fetch: async (request) => new Response(String((await request.arrayBuffer()).byteLength)),
    takeStream: () => false,
    host: HOST,
    port: 0,
    bodyBytesMax: 1_000_000,
    times: { ...TIMES, ...times },
  })
  let closed: Promise<void> | undefined
  const close = () => {
    closed ??= server.close(AbortSignal.timeout(5_000))
    return closed
  }
  t.after(close)
  const port = which === 'shared' ? server.port : (server.grpcPort ?? 0)
  const requestBytes = async (bytes: number) => {
    const client = new H2Client(`http://${HOST}:${port}`)
    const { body } = await client.send({ ':path': '/', 'content-type': 'text/plain' }, [Buffer.alloc(bytes)])
    client.close()
    return Number(body.toString())
  }
  return { port, requestBytes, close }
}

for (const which of PORTS) {
  test(`${which} port: concurrent first clients are all answered, and later ones as well`, async (t) => {
    const { requestBytes } = await open(t, which)
    const sizes = Array.from({ length: CLIENTS }, (_, at) => at * 5_000)
    assert.deepEqual(await Promise.all(sizes.map(requestBytes)), sizes)
    assert.deepEqual(await Promise.all(sizes.map(requestBytes)), sizes)
  })

  test(`${which} port: a first client that has sent everything before HTTP/2 is loaded is answered`, async (t) => {
    const { port } = await open(t, which)
    const connection = await RawH2.connect(port, new Uint8Array())
    const block = headerBlock({ ':method': 'POST', ':scheme': 'http', ':authority': 'a', ':path': '/' })
    const head = rawFrame(Type.headers, Flag.endHeaders, 1, block)
    const body = Array.from({ length: 4 }, (_, at) =>
      rawFrame(Type.data, at === 3 ? Flag.endStream : 0, 1, Buffer.alloc(10_000)),
    )
    connection.socket.write(Buffer.concat([PREFACE, SETTINGS, head, ...body]))
    const answer = await connection.until(({ type }) => type === Type.data)
    assert.equal(String(answer?.payload), '40000')
    connection.socket.destroy()
  })

  test(`${which} port: a first client that closes its connection, or half of it, does not affect the port`, async (t) => {
    const { port, requestBytes } = await open(t, which)
    const leave = [(socket: net.Socket) => socket.destroy(), (socket: net.Socket) => socket.resetAndDestroy()]
    for (const go of leave) {
      const socket = net.connect(port, HOST)
      await once(socket, 'connect')
      go(socket)
    }
    const half = net.connect(port, HOST).resume()
    half.on('error', () => undefined)
    half.end(PREFACE)
    await new Promise((resolve) => half.once('close', resolve))
    assert.equal(await requestBytes(3), 3)
  })

  test(`${which} port: a silent first client is closed`, async (t) => {
    const { port, requestBytes } = await open(t, which, { silentMs: 100, headersMs: 100 })
    const socket = net.connect(port, HOST).resume()
    await once(socket, 'close')
    assert.equal(await requestBytes(3), 3)
  })

  if (RUNTIME === 'bun')
    test(`${which} port: a first client immediately before the shutdown delays nothing, and receives GOAWAY`, async (t) => {
      const { port, close } = await open(t, which)
      const client = new H2Client(`http://${HOST}:${port}`)
      const gone = once(client.session, 'close')
      await once(client.session, 'connect')
      await Promise.all([close(), gone])
    })
}
