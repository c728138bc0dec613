import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import net from 'node:net'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { frame, H2Client } from '../support/h2.ts'
import { kill, type Running, startService } from '../support/process.ts'
import { request as call } from '../support/replicas.ts'
import { openStore, type Store } from '../support/store.ts'

// Bodies that exhaust memory or time (CWE-400, CWE-409, CWE-674): the real process, its memory, and valid requests meanwhile.

const MEBIBYTE = 1024 * 1024
const ADMIN_KEY = 'admin-key-for-large-bodies-0123456789'
const TEST = '/api/v1/projects/shop/environments/test'
/** Node takes 110 MiB at rest and Bun 120; the largest body is 16 MiB. */
const RESIDENT_MAX = 600 * MEBIBYTE
const ANSWER_MS = 30_000

let store: Store
let service: Running
let clientKey = ''
before(async () => {
  store = await openStore()
  service = await startService({
    DATABASE_URL: store.url,
    FLAGSTAFF_ADMIN_KEY: ADMIN_KEY,
    FLAGSTAFF_ACCESS_LOG: 'none',
  })
  const write = (method: string, path: string, body: object) => call(service.address, ADMIN_KEY, { method, path, body })
  await write('POST', '/api/v1/projects', { key: 'shop' })
  await write('POST', '/api/v1/projects/shop/environments', { key: 'test' })
  await write('PUT', `${TEST}/flags/a`, { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' })
  const environment = { project: 'shop', environment: 'test' }
  clientKey = (await write('POST', '/api/v1/keys', { name: 'c', role: 'client', environment })).body.secret
})
after(async () => {
  await kill(service)
  await store.close()
})

/** Checks that the process lives, evaluates, has logged no unexpected error and has never been larger than its bound. */
async function assertServes(): Promise<void> {
  const { status, body } = await call(service.address, clientKey, {
    method: 'POST',
    path: '/ofrep/v1/evaluate/flags/a',
    body: {},
  })
  assert.deepEqual([status, body.value], [200, true])
  assert.doesNotMatch(service.output(), /"Unexpected error"/)
  const peak = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${service.child.pid}/status`, 'utf8'))?.[1]) * 1_024
  assert.ok(peak < RESIDENT_MAX, `${peak / MEBIBYTE} MiB resident`)
}

type Entrance = { readonly path: string; readonly method: string; readonly key: () => string; readonly type: string }
const json = 'application/json'
const ENTRANCES: readonly Entrance[] = [
  { path: '/ofrep/v1/evaluate/flags/a', method: 'POST', key: () => clientKey, type: json },
  { path: '/ofrep/v1/evaluate/flags', method: 'POST', key: () => clientKey, type: json },
  { path: '/ofrep/v1/evaluate/flags', method: 'POST', key: () => 'wrong', type: json },
  { path: `${TEST}/flagset`, method: 'PUT', key: () => ADMIN_KEY, type: json },
  { path: `${TEST}/flags/b`, method: 'PUT', key: () => ADMIN_KEY, type: json },
  { path: `${TEST}/flags/a`, method: 'PATCH', key: () => ADMIN_KEY, type: json },
  { path: `${TEST}/explain`, method: 'POST', key: () => ADMIN_KEY, type: json },
  { path: '/api/v1/keys', method: 'POST', key: () => 'wrong', type: json },
  { path: '/console/session', method: 'POST', key: () => 'wrong', type: json },
  { path: '/flagd.evaluation.v2.Service/ResolveBoolean', method: 'POST', key: () => clientKey, type: json },
  {
    path: '/flagd.evaluation.v2.Service/ResolveBoolean',
    method: 'POST',
    key: () => clientKey,
    type: 'application/grpc-web+proto',
  },
  {
    path: '/flagd.sync.v1.FlagSyncService/SyncFlags',
    method: 'POST',
    key: () => clientKey,
    type: 'application/connect+json',
  },
  { path: '/livez', method: 'POST', key: () => '', type: json },
  { path: '/nowhere', method: 'POST', key: () => '', type: json },
]
const CHUNK = Buffer.alloc(64 * 1_024, 'a')
const SENT_MAX = 48 * MEBIBYTE

/** Sends a body without end until the connection ends or the response is there; the status, 0 if there is none. */
async function sendEndless({ path, method, key, type }: Entrance, framing: 'chunked' | 'length'): Promise<number> {
  const socket = net.connect({ port: Number(new URL(service.address).port), host: '127.0.0.1' })
  let text = ''
  let isOver = false
  let sent = 0
  socket.on('error', () => undefined).setEncoding('latin1')
  socket.on('data', (part) => {
    text += part
  })
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      isOver = true
      resolve()
    })
  })
  const frames = framing === 'chunked' ? 'Transfer-Encoding: chunked' : `Content-Length: ${2 ** 40}`
  const credentials = `X-API-Key: ${key()}\r\nFlagd-Selector: flagSetId=shop/test\r\nX-Flagstaff-Console: 1\r\nSec-Fetch-Site: same-origin`
  socket.write(`${method} ${path} HTTP/1.1\r\nHost: a\r\n${credentials}\r\nContent-Type: ${type}\r\n${frames}\r\n\r\n`)
  const late = setTimeout(() => socket.destroy(), ANSWER_MS)
  while (!isOver && sent < SENT_MAX && !text.includes('HTTP/1.1 ')) {
    if (framing === 'chunked') socket.write(`${CHUNK.byteLength.toString(16)}\r\n`)
    const isRead = socket.write(CHUNK)
    if (framing === 'chunked') socket.write('\r\n')
    sent += CHUNK.byteLength
    await Promise.race([isRead ? new Promise(setImmediate) : once(socket, 'drain').catch(() => undefined), closed])
  }
  clearTimeout(late)
  assert.ok(sent < SENT_MAX, `${method} ${path} has read ${sent} bytes`)
  socket.destroy()
  await closed
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0)
}

/** Streams of Connect and gRPC-Web have their status in the body. No status: the connection was closed. */
const isRefusal = (status: number, { type }: Entrance): boolean =>
  status === 0 || (status >= 400 && status < 500) || (type !== json && status === 200)

for (const framing of ['chunked', 'length'] as const)
  test(`a body without end (${framing}) is refused at every entrance, two at once`, async () => {
    for (const entrance of ENTRANCES) {
      const statuses = await Promise.all(Array.from({ length: 2 }, () => sendEndless(entrance, framing)))
      for (const status of statuses)
        assert.ok(isRefusal(status, entrance), `${entrance.method} ${entrance.path}: ${status}`)
    }
    await assertServes()
  })

/** Over a connection of its own: the service closes one whose body it has refused to read. */
async function send(
  { path, method, key, type }: Entrance,
  body: string | Uint8Array,
  more: Record<string, string> = {},
): Promise<{ status: number; text: string }> {
  const bytes = Buffer.from(body)
  const headers = {
    'x-api-key': key(),
    'content-type': type,
    'content-length': bytes.byteLength,
    'flagd-selector': 'flagSetId=shop/test',
    ...more,
  }
  const sent = request(service.address + path, { method, headers, agent: false, timeout: ANSWER_MS })
  const refused = new Promise<undefined>((resolve) => sent.on('error', () => resolve(undefined)))
  sent.on('timeout', () => sent.destroy()).end(bytes)
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>
  answered.catch(() => undefined)
  const response = await Promise.race([answered, refused])
  if (!response) return { status: 413, text: '' } // reset while the client still sends
  let text = ''
  for await (const part of response[0].setEncoding('utf8')) text += part
  return { status: response[0].statusCode ?? 0, text }
}
const entrancesOf = (type: string) => ENTRANCES.filter((entrance) => entrance.type === type)

test('a compressed body is refused where it expands beyond the limit, or where none is expected', async () => {
  const bomb = gzipSync(Buffer.alloc(100 * MEBIBYTE, ' '))
  for (const encoding of ['gzip', 'deflate', 'br', 'zstd', 'gzip, gzip'])
    for (const entrance of ENTRANCES) {
      const { status } = await send(entrance, bomb, {
        'content-encoding': encoding,
        'connect-content-encoding': encoding,
      })
      const isRpc = entrance.path.startsWith('/flagd') // Connect has 500 for a body that it cannot decompress
      assert.ok(
        (status >= 400 && status < (isRpc ? 600 : 500)) || entrance.type !== json,
        `${encoding} ${entrance.path}: ${status}`,
      )
    }
  const client = new H2Client(`http://127.0.0.1:${service.grpcPort}`)
  const head = { ':path': '/flagd.evaluation.v2.Service/ResolveBoolean', 'x-api-key': clientKey }
  assert.equal((await client.send({ ...head, 'grpc-encoding': 'gzip' }, [frame(bomb, 1)])).status, 8)
  const declared = Buffer.alloc(5, 255).fill(0, 0, 1)
  assert.equal((await client.send(head, [declared], false)).status, 8, 'a message of 4 GiB')
  client.close()
  await assertServes()
})

/** 503: Postgres did not answer within its time limit, as on a busy machine. */
const isAnswered = (status: number): boolean => status < 500 || status === 503

for (const depth of [60_000, 400_000])
  test(`JSON that nests ${depth} levels deep is answered or refused at every entrance`, async () => {
    const list = '['.repeat(depth) + ']'.repeat(depth)
    const levels = Math.min(depth, 160_000)
    const object = `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
    for (const entrance of entrancesOf(json))
      for (const body of [
        list,
        object,
        `{"context":{"a":${list},"n":1e10},"contexts":[{"a":${list}}],"flags":["a"],"flagKey":"a"}`,
        `{"state":"ENABLED","variants":{"on":${object}},"defaultVariant":"on","targeting":${object},"metadata":{"a":${object}}}`,
        `{"flags":{"x":{"state":"ENABLED","variants":{"on":true},"targeting":${list}}},"$evaluators":{"e":${list}},"more":${list}}`,
      ]) {
        const { status, text } = await send(entrance, body)
        assert.ok(isAnswered(status), `${entrance.method} ${entrance.path}: ${status} ${text.slice(0, 200)}`)
      }
    await assertServes()
  })

/** A hundred mistakes of two thousand characters each. */
const ERROR_LENGTH_MAX = 250_000

/** Definitions of a megabyte, each with a record of its change, take Postgres longer than this test has. */
const DRY_RUN: Entrance = { path: `${TEST}/flagset?dryRun=true`, method: 'PUT', key: () => ADMIN_KEY, type: json }

test('JSON with very many members, long names or long numbers is answered or refused in time', async () => {
  const members = (name: (n: number) => string, count: number) =>
    `{${Array.from({ length: count }, (_, n) => `${JSON.stringify(name(n))}:1`).join()}}`
  const objects = [
    members((n) => `k${n}`, 60_000),
    members((n) => String(n * 65_536), 50_000),
    members((n) => `${2 ** 31 + n}`, 50_000),
    members((n) => 'Aa'.repeat(8) + String.fromCodePoint(0x4e00 + (n % 20_000)) + n, 15_000),
    `{${JSON.stringify('x'.repeat(900_000))}:1}`,
    `{"n":${'9'.repeat(900_000)}}`,
  ]
  for (const entrance of entrancesOf(json)
    .filter(({ path }) => !path.startsWith(`${TEST}/flag`))
    .concat(DRY_RUN))
    for (const object of objects)
      for (const body of [object, `{"context":${object},"contexts":[${object}],"flags":["a"],"flagKey":"a"}`]) {
        const { status, text } = await send(entrance, body)
        assert.ok(isAnswered(status), `${entrance.method} ${entrance.path}: ${status} ${text.slice(0, 200)}`)
        if (status >= 400)
          assert.ok(text.length < ERROR_LENGTH_MAX, `${entrance.path} answers ${text.length} characters`)
      }
  await assertServes()
})
