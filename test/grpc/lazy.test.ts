import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Health, HealthCheckResponse_ServingStatus as Serving } from '../../src/grpc/gen/grpc/health/v1/health_pb.js'
import { lazyRpc } from '../../src/grpc/lazy.ts'
import type { RpcServer } from '../../src/grpc/server.ts'
import { listen } from '../../src/server/listen.ts'
import { GrpcClient } from '../support/grpc.ts'
import { openService, type Service } from '../support/service.ts'

const INTERNAL = 13
const UNAVAILABLE = 14
const AT = { host: '127.0.0.1', port: 0, bodyBytesMax: 1_000 }

let service: Service
before(async () => {
  service = await openService()
})
after(() => service.close())

const unused = () => assert.fail('nothing is logged')
const fetch = () => new Response()

/** A server with these services only, and a client. */
async function serve({ takeStream }: RpcServer): Promise<{ client: GrpcClient; close(): Promise<void> }> {
  const server = await listen({ ...AT, fetch, takeStream })
  const client = new GrpcClient(server.grpcPort ?? 0)
  const close = async () => {
    client.close()
    await server.close(AbortSignal.timeout(1_000))
  }
  return { client, close }
}

test('rpcOnUse() names the services that there are', () => {
  assert.deepEqual(lazyRpc(() => Promise.resolve(service.rpc), unused).services, service.rpc.services)
})

test('rpcOnUse() loads at the first call, which is answered like those after it', async () => {
  let loads = 0
  const remote = lazyRpc(async () => {
    loads += 1
    return service.rpc
  }, unused)
  const { client, close } = await serve(remote)
  assert.deepEqual([loads, remote.size()], [0, 0])
  const answers = await Promise.all([1, 2, 3].map(() => client.call(Health, 'check', {})))
  for (const { message } of answers) assert.equal(message?.status, Serving.SERVING)
  assert.equal((await client.call(Health, 'check', {})).message?.status, Serving.SERVING)
  assert.equal(loads, 1)
  await close()
})

test('a call whose client disconnects while the dependencies load affects no other call', async () => {
  const loading = Promise.withResolvers<RpcServer>()
  const asked = Promise.withResolvers<void>()
  const remote = lazyRpc(() => {
    asked.resolve()
    return loading.promise
  }, unused)
  const { client, close } = await serve(remote)
  const stream = client.open(Health, 'watch', {})
  await asked.promise
  stream.cancel()
  const other = client.call(Health, 'check', {})
  loading.resolve(service.rpc)
  assert.equal((await other).message?.status, Serving.SERVING)
  await close()
})

test('a load failure is an internal error, over any protocol, and is logged', async () => {
  const logged: unknown[] = []
  const failure = new Error('no such module')
  const remote = lazyRpc(
    () => Promise.reject(failure),
    (message, fields) => void logged.push([message, fields?.['error'], fields?.['route']]),
  )
  const { client, close } = await serve(remote)
  const { status } = await client.call(Health, 'check', {})
  assert.equal(status, INTERNAL)
  assert.deepEqual(logged, [['Unexpected error', failure, '/grpc.health.v1.Health/Check']])
  await assert.rejects(remote.fetch(new Request('http://localhost/'), '/'), failure)
  await close()
})

test('streams that ended before the dependencies were loaded stay ended', async () => {
  const own = await openService({ store: service.store })
  const remote = lazyRpc(() => Promise.resolve(own.rpc), unused)
  remote.endStreams()
  const { client, close } = await serve(remote)
  const stream = client.open(Health, 'watch', {})
  assert.equal((await stream.ended()).status, UNAVAILABLE)
  await close()
})
