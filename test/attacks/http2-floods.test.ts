import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { kill, type Running, startService } from '../support/process.ts'
import { Flag, headerBlock, PREFACE, ping, RawH2, rawFrame, reset, SETTINGS, Type } from '../support/raw-h2.ts'
import { openStore, type Store } from '../support/store.ts'

// Frames of HTTP/2 that cost a server more than its client: CVE-2019-9511 to 9518, CVE-2023-44487, CVE-2024-27316. Slow clients are in
// test/server/limits.test.ts, and in test/grpc/server.test.ts those of gRPC.

const MEBIBYTE = 1024 * 1024
const RESIDENT_MAX = 400 * MEBIBYTE
/** Bytes of one attack at most: a server that reads on must not keep what it reads. */
const SENT_MAX = 4 * MEBIBYTE
const WRITE_BYTES = 64 * 1_024

let store: Store
let service: Running
before(async () => {
  store = await openStore()
  service = await startService({
    DATABASE_URL: store.url,
    FLAGSTAFF_ADMIN_KEY: 'admin-key-for-floods-0123456789',
    FLAGSTAFF_ACCESS_LOG: 'none',
  })
})
after(async () => {
  await kill(service)
  await store.close()
})

const head = (path = '/livez', more: Readonly<Record<string, string>> = {}) =>
  headerBlock({ ':method': 'POST', ':scheme': 'http', ':path': path, ':authority': 'a', ...more })
const open = (stream: number, flags = Flag.endHeaders | Flag.endStream) => rawFrame(Type.headers, flags, stream, head())
const setting = (id: number, value: number) => {
  const payload = Buffer.alloc(6)
  payload.writeUInt16BE(id)
  payload.writeUInt32BE(value, 2)
  return payload
}
const word = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
const streamId = (n: number) => 2 * n + 1

/** Attacks by name: `first` is sent once after the preface, `frame` again and again with a growing number. `reads`: the client reads. */
const ATTACKS: Readonly<Record<string, { first?: Buffer; frame: (n: number) => Buffer; reads?: boolean }>> = {
  'opens and resets streams': {
    frame: (n) => Buffer.concat([open(streamId(n), Flag.endHeaders), reset(streamId(n))]),
    reads: true,
  },
  'lets the server reset its streams': {
    frame: (n) =>
      Buffer.concat([open(streamId(n), Flag.endHeaders), rawFrame(Type.windowUpdate, 0, streamId(n), word(0))]),
    reads: true,
  },
  'never ends the headers of a request': {
    first: rawFrame(Type.headers, 0, 1, head()),
    frame: (n) => rawFrame(Type.continuation, 0, 1, headerBlock({ [`x-${n}`]: 'a'.repeat(200) })),
  },
  'sends empty parts of headers': {
    first: rawFrame(Type.headers, 0, 1, head()),
    frame: () => rawFrame(Type.continuation, 0, 1),
  },
  'sends pings and reads no response': { frame: () => ping() },
  'sends settings and reads no acknowledgement': {
    frame: (n) => rawFrame(Type.settings, 0, 0, setting(4, 65_535 + (n % 100))),
  },
  'sends empty data': { first: open(1, Flag.endHeaders), frame: () => rawFrame(Type.data, 0, 1), reads: true },
  'sends data of padding only': {
    first: open(1, Flag.endHeaders),
    frame: () => rawFrame(Type.data, 8, 1, Buffer.concat([Buffer.of(255), Buffer.alloc(255)])),
    reads: true,
  },
  'opens requests and reads no response': { frame: (n) => open(streamId(n)) },
  'refers to one large header many times': {
    // Literal with indexing, then references to the first entry of the dynamic table (RFC 7541 §6.1).
    first: rawFrame(
      Type.headers,
      Flag.endHeaders | Flag.endStream,
      1,
      Buffer.concat([
        head(),
        Buffer.of(0x40, 1),
        Buffer.from('x'),
        Buffer.of(127, 0xa1, 0x1e),
        Buffer.alloc(4_000, 'y'),
      ]),
    ),
    frame: (n) =>
      rawFrame(
        Type.headers,
        Flag.endHeaders | Flag.endStream,
        streamId(n + 1),
        Buffer.concat([head(), Buffer.alloc(8_000, 0xbe)]),
      ),
  },
  'sends frames of unknown types': { frame: (n) => rawFrame(0x20 + (n % 100), 0, 0, Buffer.alloc(100)) },
  'sends priorities': { frame: (n) => rawFrame(2, 0, streamId(n % 1_000), Buffer.concat([word(0), Buffer.of(1)])) },
}

/** Sends until the server ends the connection, or all bytes are sent, or the server has read nothing for a while. */
async function attack(name: string): Promise<void> {
  const { first, frame, reads = false } = ATTACKS[name] ?? assert.fail(name)
  const connection = await RawH2.connect(
    service.grpcPort,
    Buffer.concat([PREFACE, SETTINGS, ...(first ? [first] : [])]),
  )
  const { socket } = connection
  if (!reads) socket.pause()
  let sent = 0
  let n = 0
  while (!socket.destroyed && sent < SENT_MAX) {
    const frames: Buffer[] = []
    for (let bytes = 0; bytes < WRITE_BYTES; bytes += frames.at(-1)?.byteLength ?? 0) frames.push(frame(n++))
    const bytes = Buffer.concat(frames)
    sent += bytes.byteLength
    if (socket.write(bytes)) {
      await new Promise(setImmediate)
      continue
    }
    const isDrained = await Promise.race([
      once(socket, 'drain').then(
        () => true,
        () => false,
      ),
      connection.closed.then(() => false),
      new Promise<boolean>((resolve) => setTimeout(resolve, 2_000, false)),
    ])
    if (!isDrained) break // closed, or the server waits until the client reads
    if (reads) connection.frames.length = 0
  }
  socket.destroy()
}

for (const name of Object.keys(ATTACKS))
  test(`a client over HTTP/2 that ${name} costs little memory, and others are served`, async () => {
    await Promise.all([attack(name), attack(name)])
    const { status } = await fetch(`${service.address}/livez`, { signal: AbortSignal.timeout(20_000) })
    assert.equal(status, 200)
    const connection = await RawH2.connect(service.grpcPort)
    connection.socket.write(
      rawFrame(
        Type.headers,
        Flag.endHeaders | Flag.endStream,
        1,
        headerBlock({ ':method': 'GET', ':scheme': 'http', ':path': '/livez', ':authority': 'a' }),
      ),
    )
    assert.ok(await connection.until(({ type, stream }) => type === Type.headers && stream === 1))
    connection.socket.destroy()
    assert.equal(service.child.exitCode, null)
    const kilobytes = Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${service.child.pid}/status`, 'utf8'))?.[1])
    assert.ok(kilobytes * 1_024 < RESIDENT_MAX, `${kilobytes / 1_024} MiB resident`)
  })
