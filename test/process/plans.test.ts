import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Service } from '../../src/grpc/gen/flagd/evaluation/v2/evaluation_pb.js'
import { readEvents } from '../support/events.ts'
import { GrpcClient } from '../support/grpc.ts'
import { kill, type Running, startService } from '../support/process.ts'
import { HAS_REDIS, type RedisServer, startRedis } from '../support/redis.ts'
import { openStore, type Store } from '../support/store.ts'

// Time changes what a plan serves, in a process of its own: with streams, while it is idle, and while it is stopped.

const ADMIN_KEY = 'admin-key-for-tests-only-0123456789'
const AUTH = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' }
const FLAGS = '/api/v1/projects/shop/environments/live/flags'
/** Time limit in which a client receives an update after a boundary. */
const LATE_MS = 3_000

describe('plans in a process', { skip: HAS_REDIS ? false : 'there is no redis-server on this machine' }, () => {
  let store: Store
  let redis: RedisServer
  let service: Running
  let key = ''
  const start = () => startService({ DATABASE_URL: store.url, REDIS_URL: redis.url, FLAGSTAFF_ADMIN_KEY: ADMIN_KEY })
  before(async () => {
    ;[store, redis] = await Promise.all([openStore(), startRedis()])
    service = await start()
    await send('POST', '/api/v1/projects', { key: 'shop' })
    await send('POST', '/api/v1/projects/shop/environments', { key: 'live' })
    const environment = { project: 'shop', environment: 'live' }
    key = (await send('POST', '/api/v1/keys', { name: 'web', role: 'client', environment })).secret
  })
  after(async () => {
    await kill(service)
    await Promise.all([store.close(), redis.kill()])
  })

  const send = async (method: string, path: string, body: unknown): Promise<any> => {
    const response = await fetch(service.address + path, { method, headers: AUTH, body: JSON.stringify(body) })
    const answer: any = await response.json()
    assert.ok(response.ok, JSON.stringify(answer))
    return answer
  }

  /** A flag that is "old" until so many seconds from now, and "new" for everybody afterwards; returns that moment in ms. */
  async function rolloutIn(seconds: number): Promise<number> {
    const at = Math.ceil(Date.now() / 1_000) + seconds
    const variants = { old: 'old', new: 'new' }
    await send('PUT', `${FLAGS}/planned`, { state: 'ENABLED', variants, defaultVariant: 'old' })
    const steps = [{ after: '0s', share: 100_000 }]
    await send('POST', `${FLAGS}/planned/plan/rollout`, { to: { variant: 'new' }, start: at, steps })
    return at * 1_000
  }

  const post = async (path: string): Promise<any> => {
    const headers = { ...AUTH, authorization: `Bearer ${key}` }
    const body = JSON.stringify({ context: { targetingKey: 'ada' } })
    return (await fetch(service.address + path, { method: 'POST', headers, body })).json()
  }
  const value = async () => (await post('/ofrep/v1/evaluate/flags/planned')).value

  test('clients with an open stream have the value of a planned moment within 3 s', async () => {
    const at = await rolloutIn(3)
    const grpc = new GrpcClient(service.grpcPort, { key })
    const stream = grpc.open(Service, 'eventStream', {})
    assert.equal((await stream.next()).type, 'provider_ready')
    const { eventStreams } = await post('/ofrep/v1/evaluate/flags')
    const response = await fetch(service.address + eventStreams[0].endpoint.requestUri, {
      headers: { 'last-event-id': '0' },
    })
    const events = readEvents(response.body)
    await events.next('retry')
    const first = await events.next('data')
    assert.equal(await value(), 'old')
    assert.ok(Date.now() < at, 'the machine was too slow to see the old value')
    const seen = await Promise.all([
      stream.next().then(({ type, data }) => {
        assert.deepEqual([type, data], ['configuration_change', { flags: { planned: { type: 'update' } } }])
        return Date.now()
      }),
      events.next('data').then((event) => {
        assert.deepEqual(event, first)
        return Date.now()
      }),
    ])
    for (const ms of seen) assert.ok(ms >= at && ms - at < LATE_MS, `${ms - at} ms after the boundary`)
    assert.equal(await value(), 'new')
    stream.cancel()
    grpc.close()
    await events.cancel()
  })

  test('an idle replica sends nothing to Redis across a planned moment, and is right after it', async () => {
    const at = await rolloutIn(4)
    assert.equal(await value(), 'old')
    await sleep(1_500)
    const counted = await commandsOf(redis.port)
    assert.ok(Date.now() < at, 'the machine was too slow to be idle before the moment')
    await sleep(at + 1_000 - Date.now())
    assert.equal((await commandsOf(redis.port)) - counted, 1, 'our own question is the only command')
    assert.equal(await value(), 'new')
  })

  test('a service that was stopped before a planned moment and started after it answers right at once', async () => {
    const at = await rolloutIn(3)
    assert.equal(await value(), 'old')
    await kill(service)
    await sleep(Math.max(0, at - Date.now()))
    service = await start()
    assert.equal(await value(), 'new')
  })
})

/** How many commands a Redis server has processed, this one not counted. */
async function commandsOf(port: number): Promise<number> {
  const socket = connect(port, '127.0.0.1')
  socket.setEncoding('utf8')
  socket.write('INFO stats\r\n')
  let text = ''
  while (!/total_commands_processed:\d+\r/.test(text)) text += (await once(socket, 'data')).join('')
  socket.destroy()
  return Number(/total_commands_processed:(\d+)/.exec(text)?.[1])
}
