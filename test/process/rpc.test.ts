import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import http2 from 'node:http2'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import { ResolveBooleanRequestSchema, Service } from '../../src/grpc/gen/flagd/evaluation/v2/evaluation_pb.js'
import {
  FlagSyncService,
  SyncFlagsRequestSchema,
  type SyncFlagsResponse,
} from '../../src/grpc/gen/flagd/sync/v1/sync_pb.js'
import { GrpcClient, type GrpcStream } from '../support/grpc.ts'
import { frame } from '../support/h2.ts'
import { kill, RUNTIME, type Running, startService } from '../support/process.ts'
import { openStore, type Store } from '../support/store.ts'

const ADMIN_KEY = 'admin-key-for-tests-only-0123456789'
const RESOLVE = `/${Service.typeName}/ResolveBoolean`
const CONNECTIONS = 32
const CALLS = 10_000
const STREAMS = 200
const CHANGES = 100
/** Size of a set that fills every buffer up to a client that does not read. */
const LARGE_FLAGS = 200
const HAS_H2LOAD = !spawnSync('h2load', ['--version']).error

const flag = (variants: object, defaultVariant: string) => ({ state: 'ENABLED', variants, defaultVariant })
const onOff = { on: true, off: false }
const TARGETED = { ...flag(onOff, 'off'), targeting: { if: [{ ends_with: [{ var: 'email' }, '@a.b'] }, 'on', 'off'] } }

let store: Store
let running: Running
let key = ''
before(async () => {
  store = await openStore()
  running = await startService({ DATABASE_URL: store.url, FLAGSTAFF_ADMIN_KEY: ADMIN_KEY })
  await send('POST', '/projects', { key: 'load' })
  key = await environment('test', { targeted: TARGETED, count: flag({ c0: 0 }, 'c0') })
})
after(async () => {
  await kill(running)
  await store.close()
})

async function send(method: string, path: string, body: unknown): Promise<any> {
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' }
  const response = await fetch(`${running.address}/api/v1${path}`, { method, headers, body: JSON.stringify(body) })
  assert.ok(response.ok, `${method} ${path} answers ${response.status}`)
  return response.json()
}

/** Makes an environment with these flags; returns a key for it. */
async function environment(name: string, flags: object): Promise<string> {
  await send('POST', '/projects/load/environments', { key: name })
  await send('PUT', `/projects/load/environments/${name}/flagset`, { flags })
  const scope = { project: 'load', environment: name }
  return (await send('POST', '/keys', { name, role: 'server', environment: scope })).secret
}

const write = (name: string, value: number) =>
  send('PUT', `/projects/load/environments/${name}/flags/count`, flag({ [`c${value}`]: value }, `c${value}`))

/** One of many clients. On Node every second one uses the port that also serves HTTP/1.1. */
const clientOf = (_: unknown, place: number) => {
  const { grpcPort, address } = running
  const port = RUNTIME === 'bun' || place % 2 === 0 ? grpcPort : Number(new URL(address).port)
  return new GrpcClient(port, { key })
}

test(`${CALLS} calls over ${CONNECTIONS} connections are all answered correctly`, async () => {
  const clients = Array.from({ length: CONNECTIONS }, clientOf)
  let next = 0
  const work = async (client: GrpcClient) => {
    for (let call = next++; call < CALLS; call = next++) {
      const isStaff = call % 2 === 0
      const context = { targetingKey: `u${call}`, email: isStaff ? 'x@a.b' : 'x@c.d' }
      const answer = await client.call(Service, 'resolveBoolean', { flagKey: 'targeted', context })
      assert.equal(answer.message?.value, isStaff, JSON.stringify(answer))
    }
  }
  await Promise.all(clients.flatMap((client) => [work(client), work(client), work(client)]))
  for (const client of clients) client.close()
})

test(`h2load's ${CALLS} calls over ${CONNECTIONS} connections are all answered`, {
  skip: HAS_H2LOAD ? false : 'left out: there is no h2load on this machine (Debian: nghttp2-client)',
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'h2load-'))
  const file = join(folder, 'call')
  await writeFile(
    file,
    frame(toBinary(ResolveBooleanRequestSchema, create(ResolveBooleanRequestSchema, { flagKey: 'targeted' }))),
  )
  const headers = ['content-type: application/grpc', 'te: trailers', `x-api-key: ${key}`].flatMap((line) => [
    '-H',
    line,
  ])
  const size = ['-n', String(CALLS), '-c', String(CONNECTIONS), '-m', '8']
  const url = `http://127.0.0.1:${running.grpcPort}${RESOLVE}`
  const output = execFileSync('h2load', [...size, '-d', file, ...headers, url]).toString()
  assert.match(output, new RegExp(`${CALLS} succeeded, 0 failed, 0 errored, 0 timeout`))
  assert.match(output, new RegExp(`status codes: ${CALLS} 2xx`))
  await rm(folder, { recursive: true })
})

const countIn = ({ flagConfiguration }: SyncFlagsResponse): number =>
  Number(JSON.parse(flagConfiguration).flags.count.defaultVariant.slice(1))

/** Reads a stream until it shows `last`; fails if the value decreases. */
async function follow(stream: GrpcStream<SyncFlagsResponse>, last: number): Promise<number> {
  let messages = 0
  for (let seen = -1; seen !== last; ) {
    const count = countIn(await stream.next())
    assert.ok(count >= seen, `${count} came after ${seen}`)
    seen = count
    messages += 1
  }
  return messages
}

test(`${STREAMS} streams receive ${CHANGES} changes in order, and all end at the newest`, async () => {
  const clients = Array.from({ length: 10 }, clientOf)
  const streams = Array.from({ length: STREAMS }, (_, index) =>
    clients[index % clients.length]?.open(FlagSyncService, 'syncFlags', {}),
  )
  const followed = streams.map((stream) => stream && follow(stream, CHANGES))
  for (let change = 1; change <= CHANGES; change++) await write('test', change)
  const messages = await Promise.all(followed)
  assert.ok(messages.every((count) => count !== undefined && count >= 2))
  for (const stream of streams) stream?.cancel()
  for (const client of clients) client.close()
})

test('a client that stops reading neither makes this process grow nor delays the others', async () => {
  const large = Object.fromEntries(
    Array.from({ length: LARGE_FLAGS }, (_, index) => [`f${index}`, flag({ a: 'x'.repeat(9_000) }, 'a')]),
  )
  const largeKey = await environment('large', { ...large, count: flag({ c0: 0 }, 'c0') })
  const socket = net.connect(running.grpcPort, '127.0.0.1')
  const session = http2.connect('http://127.0.0.1', { createConnection: () => socket })
  session.on('error', () => undefined)
  const headers = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers', 'x-api-key': largeKey }
  const stuck = Array.from({ length: 10 }, () => {
    const stream = session.request({ ...headers, ':path': `/${FlagSyncService.typeName}/SyncFlags` })
    stream.on('error', () => undefined)
    stream.end(frame(toBinary(SyncFlagsRequestSchema, create(SyncFlagsRequestSchema))))
    return stream // never read
  })
  await Promise.all(stuck.map((stream) => once(stream, 'response')))
  const client = new GrpcClient(running.grpcPort, { key: largeKey })
  const reading = client.open(FlagSyncService, 'syncFlags', {})
  assert.equal(countIn(await reading.next()), 0)
  const grown: number[] = []
  for (let change = 1; change <= 40; change++) {
    await write('large', change)
    const start = performance.now()
    while (countIn(await reading.next()) !== change) assert.ok(performance.now() - start < 5_000)
    if (change === 15 || change === 40) grown.push(residentMiB())
  }
  const [early = 0, late = 0] = grown
  // 25 changes of 1.8 MB for each of 10 clients would be 450 MB.
  assert.ok(late - early < 150, `${early} MiB grew to ${late} MiB`)
  socket.destroy() // closing only the session would wait for the data that it has not read
  reading.cancel()
  client.close()
})

const residentMiB = () => Number(execFileSync('ps', ['-o', 'rss=', '-p', String(running.child.pid)]).toString()) / 1_024

test('SIGTERM loses no call that was sent, and ends streams by their protocol', async () => {
  const clients = Array.from({ length: 8 }, clientOf)
  const events = clients[0]?.open(Service, 'eventStream', {})
  const sync = clients[1]?.open(FlagSyncService, 'syncFlags', {})
  await Promise.all([events?.next(), sync?.next()])
  let answered = 0
  const lost: unknown[] = []
  let isStopping = false
  const work = async (client: GrpcClient) => {
    while (!isStopping) {
      const answer = await client.call(Service, 'resolveBoolean', { flagKey: 'targeted' })
      if (answer.status === 0) answered += 1
      // Refused before it was processed, which grpc-js reports as UNAVAILABLE without a connection: the caller may send it again.
      else if (!(isStopping && answer.status === 14)) lost.push(answer)
    }
  }
  const working = clients.map(work)
  while (answered < 500) await new Promise((resolve) => setTimeout(resolve, 5))
  running.child.kill('SIGTERM')
  const ended = await Promise.all([events?.ended(), sync?.ended()])
  isStopping = true
  await Promise.all(working)
  assert.equal((await events?.next())?.type, 'provider_shutdown')
  assert.deepEqual(
    ended.map((end) => end?.status),
    [14, 14],
  )
  assert.deepEqual(lost, [])
  assert.equal((await running.ended).code, 0)
  for (const client of clients) client.close()
})
