import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import * as v1 from '../../src/grpc/gen/flagd/evaluation/v1/evaluation_pb.js'
import { type Listening, openListening } from '../support/listening.ts'
import { samplesIn } from '../support/metrics.ts'

const SERVICE = 'flagd.evaluation.v1.Service'
const SOON_MS = 5_000

let it: Listening
let clientKey = ''
before(async () => {
  it = await openListening()
  const environment = await it.environment('timed')
  clientKey = environment.clientKey
  const a = { state: 'ENABLED', variants: { on: true }, defaultVariant: 'on' }
  await it.service.call('PUT', `${environment.path}/flagset`, { body: { flags: { a } } })
})
after(() => it.close())

const count = async (method: string, code: string): Promise<number | undefined> => {
  const { text } = await it.service.call('GET', '/metrics')
  return samplesIn(text).get(`rpc_request_duration_seconds_count{method="${SERVICE}/${method}",code="${code}"}`)
}
/** Waits for a number that changes when the other end reacts. */
const becomes = async (wanted: number, ask: () => Promise<number | undefined>) => {
  const deadline = performance.now() + SOON_MS
  while ((await ask()) !== wanted && performance.now() < deadline) await sleep(10)
  assert.equal(await ask(), wanted)
}
const streams = async () =>
  samplesIn((await it.service.call('GET', '/metrics')).text).get('flagstaff_streams{door="rpc"}')

test('a call is counted by its method and status, with every protocol', async () => {
  const client = it.client({ key: clientKey })
  assert.equal((await client.call(v1.Service, 'resolveBoolean', { flagKey: 'a' })).status, 0)
  assert.equal((await client.call(v1.Service, 'resolveBoolean', { flagKey: 'none' })).status, 5)
  assert.equal((await client.call(v1.Service, 'resolveString', { flagKey: 'a' })).status, 3)
  assert.equal((await it.client({ key: 'wrong' }).call(v1.Service, 'resolveBoolean', { flagKey: 'a' })).status, 16)
  const connect = await it.service.call('POST', `/${SERVICE}/ResolveBoolean`, {
    key: clientKey,
    body: { flagKey: 'a' },
  })
  assert.equal(connect.status, 200)
  assert.deepEqual(
    [
      await count('ResolveBoolean', 'OK'),
      await count('ResolveBoolean', 'NOT_FOUND'),
      await count('ResolveString', 'INVALID_ARGUMENT'),
      await count('ResolveBoolean', 'UNAUTHENTICATED'),
      await count('ResolveInt', 'OK'),
    ],
    [2, 1, 1, 1, undefined],
  )
})

test('a stream is a gauge while it is open, and is counted by status when it ends', async () => {
  const client = it.client({ key: clientKey })
  const [left, ended] = [client.open(v1.Service, 'eventStream', {}), client.open(v1.Service, 'eventStream', {})]
  await Promise.all([left.next(), ended.next()])
  assert.equal(await streams(), 2)
  left.cancel()
  await becomes(1, () => count('EventStream', 'CANCELLED'))
  assert.equal(await streams(), 1)
  it.service.rpc.endStreams()
  await ended.ended()
  await becomes(1, () => count('EventStream', 'UNAVAILABLE'))
  assert.equal(await streams(), 0)
})
