import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Health, HealthCheckResponse_ServingStatus as Serving } from '../../../src/grpc/gen/grpc/health/v1/health_pb.js'
import { type Listening, openListening } from '../../support/listening.ts'

let it: Listening
let isReady = true
before(async () => {
  it = await openListening({ rpc: { isReady: async () => isReady } })
})
after(() => it.close())

for (const service of [
  '',
  'flagd.evaluation.v1.Service',
  'flagd.evaluation.v2.Service',
  'schema.v1.Service',
  'flagd.sync.v1.FlagSyncService',
])
  test(`Check of "${service}" needs no key`, async () => {
    const { message } = await it.client({}).call(Health, 'check', { service })
    assert.equal(message?.status, Serving.SERVING)
  })

test('Check of an unknown service is NOT_FOUND; Watch reports it as unknown, and stays open', async () => {
  assert.equal((await it.client({}).call(Health, 'check', { service: 'x' })).status, 5)
  const stream = it.client({}).open(Health, 'watch', { service: 'x' })
  assert.equal((await stream.next()).status, Serving.SERVICE_UNKNOWN)
  stream.cancel()
})

test('Watch reports each change of readiness, and the end', async () => {
  const stream = it.client({}).open(Health, 'watch', {})
  assert.equal((await stream.next()).status, Serving.SERVING)
  isReady = false
  assert.equal((await stream.next()).status, Serving.NOT_SERVING)
  assert.equal((await it.client({}).call(Health, 'check', {})).message?.status, Serving.NOT_SERVING)
  isReady = true
  assert.equal((await stream.next()).status, Serving.SERVING)
  it.service.rpc.endStreams()
  assert.equal((await stream.next()).status, Serving.NOT_SERVING)
  assert.equal((await stream.ended()).status, 14)
})
