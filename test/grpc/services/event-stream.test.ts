import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import * as v1 from '../../../src/grpc/gen/flagd/evaluation/v1/evaluation_pb.js'
import * as v2 from '../../../src/grpc/gen/flagd/evaluation/v2/evaluation_pb.js'
import { type Listening, openListening } from '../../support/listening.ts'

const flag = (defaultVariant: string, more: object = {}) => ({
  state: 'ENABLED',
  variants: { on: true, off: false },
  defaultVariant,
  ...more,
})

let it: Listening
let made = 0
before(async () => {
  it = await openListening()
})
after(() => it.close())

const setUp = async (flags: object = {}, more: object = {}) => {
  made += 1
  const environment = await it.environment(`events${made}`)
  const put = async (body: object, query = '') => {
    const answer = await it.service.call('PUT', `${environment.path}/flagset${query}`, { body })
    assert.equal(answer.status, 200, answer.text)
  }
  await put({ flags, ...more })
  return { ...environment, put, client: it.client({ key: environment.clientKey }) }
}

for (const { Service } of [v1, v2])
  test(`${Service.typeName} EventStream is ready at once, and then names the changed flags`, async () => {
    const { client, put } = await setUp({ a: flag('on'), b: flag('on'), gone: flag('on') })
    const stream = client.open(Service, 'eventStream', {})
    assert.deepEqual((await stream.next()).type, 'provider_ready')
    await put({ flags: { a: flag('off'), b: flag('on'), c: flag('on') } }, '?prune=true')
    const { type, data } = await stream.next()
    assert.equal(type, 'configuration_change')
    assert.deepEqual(data, { flags: { a: { type: 'update' }, c: { type: 'write' }, gone: { type: 'delete' } } })
    stream.cancel()
  })

test('a change of a segment, of the metadata or of the bucketing names every affected flag', async () => {
  const reached = flag('off', { targeting: { if: [{ $ref: 'outer' }, 'on', 'off'] } })
  const $evaluators = { outer: { and: [{ $ref: 'inner' }, true] }, inner: { '==': [{ var: 'a' }, 1] }, other: true }
  const flags = { reached, apart: flag('on') }
  const { client, put, path } = await setUp(flags, { $evaluators })
  const stream = client.open(v2.Service, 'eventStream', {})
  await stream.next()
  await put({ flags, $evaluators: { ...$evaluators, inner: { '==': [{ var: 'a' }, 2] } } })
  assert.deepEqual((await stream.next()).data, { flags: { reached: { type: 'update' } } })
  await put({ flags, $evaluators, metadata: { team: 'core' } })
  assert.deepEqual((await stream.next()).data, { flags: { reached: { type: 'update' }, apart: { type: 'update' } } })
  await put({ flags: { ...flags, apart: flag('on', { metadata: { a: 1 } }) }, $evaluators, metadata: { team: 'core' } })
  assert.deepEqual((await stream.next()).data, { flags: { apart: { type: 'update' } } })
  const { status } = await it.service.call('PATCH', path, { body: { bucketing: 'v1' } })
  assert.equal(status, 200)
  assert.deepEqual((await stream.next()).data, { flags: { reached: { type: 'update' }, apart: { type: 'update' } } })
  stream.cancel()
})

test('a selector hides the changes of other flags, and reports one that starts to match as new', async () => {
  const [red, blue] = [{ metadata: { source: 'red' } }, { metadata: { source: 'blue' } }]
  const { clientKey, put } = await setUp({ a: flag('on', red), b: flag('on', blue) })
  const stream = it
    .client({ key: clientKey, metadata: { 'flagd-selector': 'source=red' } })
    .open(v2.Service, 'eventStream', {})
  await stream.next()
  await put({ flags: { a: flag('on', red), b: flag('off', blue) } })
  await put({ flags: { a: flag('on', red), b: flag('off', red) } })
  assert.deepEqual((await stream.next()).data, { flags: { b: { type: 'write' } } })
  await put({ flags: { a: flag('on', blue), b: flag('off', red) } })
  assert.deepEqual((await stream.next()).data, { flags: { a: { type: 'delete' } } })
  stream.cancel()
})

test('a stream needs a key, and ends when the client disconnects', async () => {
  const { client } = await setUp()
  const refused = it.client({}).open(v2.Service, 'eventStream', {})
  assert.equal((await refused.ended()).status, 16)
  const stream = client.open(v2.Service, 'eventStream', {})
  await stream.next()
  const { size } = it.service.rpc
  const before = size()
  stream.cancel()
  while (size() >= before) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(it.service.subscriptions.isWatching, size() > 0)
})

test('when its key is revoked a stream names no more changes and ends with UNAUTHENTICATED', {
  timeout: 15_000,
}, async () => {
  const { flagSetId, put } = await setUp({ a: flag('on') })
  const [project, environment] = flagSetId.split('/')
  const body = { name: 'leaked', role: 'client', environment: { project, environment } }
  const { id, secret } = (await it.service.call('POST', '/api/v1/keys', { body })).body
  const stream = it.client({ key: secret }).open(v2.Service, 'eventStream', {})
  await stream.next()
  await it.service.call('DELETE', `/api/v1/keys/${id}`)
  await put({ flags: { a: flag('off') } })
  await assert.rejects(stream.next(), /ended with 16 The API key is not valid/)
})

test('an idle stream sends heartbeats, and still reports changes', async () => {
  const other = await openListening({ store: it.service.store, rpc: { keepAliveMs: 50 } })
  const { clientKey, path } = await setUp({ a: flag('on') })
  const stream = other.client({ key: clientKey }).open(v2.Service, 'eventStream', {})
  assert.equal((await stream.next()).type, 'provider_ready')
  assert.equal((await stream.next()).type, 'keep_alive')
  assert.equal((await stream.next()).type, 'keep_alive')
  await other.service.call('PUT', `${path}/flags/a`, { body: flag('off') })
  let { type } = await stream.next()
  while (type === 'keep_alive') ({ type } = await stream.next())
  assert.equal(type, 'configuration_change')
  stream.cancel()
  await other.server.close()
})

test('a deadline of the client ends a stream with DEADLINE_EXCEEDED', async () => {
  const { client } = await setUp()
  const stream = client.open(v2.Service, 'eventStream', {}, { deadlineMs: 100 })
  await stream.next()
  assert.equal((await stream.ended()).status, 4)
})

test('streams end with an error at their maximum age, and at shutdown after provider_shutdown', async () => {
  const short = await openListening({ store: it.service.store, rpc: { streamSecondsMax: 0.1, random: () => 0 } })
  const { clientKey } = await setUp()
  const old = short.client({ key: clientKey }).open(v2.Service, 'eventStream', {})
  assert.deepEqual(await old.ended(), { status: 4, details: 'stream closed due to server-side timeout' })
  const other = await openListening({ store: it.service.store })
  const stream = other.client({ key: clientKey }).open(v2.Service, 'eventStream', {})
  await stream.next()
  other.service.rpc.endStreams()
  assert.equal((await stream.next()).type, 'provider_shutdown')
  assert.equal((await stream.ended()).status, 14)
  const late = other.client({ key: clientKey }).open(v2.Service, 'eventStream', {})
  assert.equal((await late.ended()).status, 14)
  await short.server.close()
  await other.server.close()
})
